import { errors } from '../http/status.ts';
import { ensureObject, type JsonObject } from '../json.ts';
import type { Strategy } from '../registry/definition.ts';
import { nameChecks } from '../registry/names.ts';

/** They are made at every start, and nobody may delete them. */
export const PERMANENT_NAMESPACES: readonly string[] = ['default', 'kube-system', 'kube-public', 'polarstack-system'];

const subject = { group: '', plural: 'namespaces', kind: 'Namespace' };

export const namespaceStrategy: Strategy = {
  returnsDeleted: true,
  prepareCreate: (draft) => {
    const metadata = ensureObject(draft, 'metadata');
    ensureObject(metadata, 'labels')['kubernetes.io/metadata.name'] = metadata.name;
    draft.spec = { finalizers: ['kubernetes'] };
    draft.status = { phase: 'Active' };
  },
  prepareUpdate: (draft, current) => {
    // Only the server itself ends a namespace: spec.finalizers change through /finalize alone.
    draft.spec = current.spec;
    const metadata = ensureObject(draft, 'metadata');
    ensureObject(metadata, 'labels')['kubernetes.io/metadata.name'] = metadata.name;
  },
  validateName: nameChecks.label,
  beforeDelete: (current) => {
    const name = String((current.metadata as JsonObject).name);
    if (PERMANENT_NAMESPACES.includes(name)) {
      throw errors.forbidden(subject, name, 'this namespace may not be deleted');
    }
  },
};

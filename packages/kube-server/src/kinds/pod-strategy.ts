import { type FieldError, fieldError } from '../http/field-error.ts';
import {
  arrayAt,
  cloneJson,
  ensureObject,
  equalJson,
  isObject,
  type JsonObject,
  objectAt,
  stringAt,
  valueAt,
} from '../json.ts';
import type { Strategy } from '../registry/definition.ts';
import { nameChecks } from '../registry/names.ts';
import { validatePodPaths } from './pod-volumes.ts';

function prepareSpec(draft: JsonObject): void {
  const spec = ensureObject(draft, 'spec');
  const account = spec.serviceAccountName ?? spec.serviceAccount;
  if (account !== undefined) {
    spec.serviceAccountName = account;
    spec.serviceAccount = account;
  }
  for (const container of containersOf(spec)) {
    const image = stringAt(container, 'image') ?? '';
    container.imagePullPolicy ??= /:[^/]+$/.test(image) && !image.endsWith(':latest') ? 'IfNotPresent' : 'Always';
    const resources = objectAt(container, 'resources');
    const limits = objectAt(resources, 'limits');
    if (resources && limits) resources.requests = { ...limits, ...objectAt(resources, 'requests') };
  }
  for (const volume of arrayAt(spec, 'volumes')) {
    const hostPath = objectAt(volume, 'hostPath');
    if (hostPath) hostPath.type ??= '';
  }
}

function containersOf(spec: Readonly<JsonObject>): readonly JsonObject[] {
  return [...arrayAt(spec, 'initContainers'), ...arrayAt(spec, 'containers')].filter(isObject);
}

/** Guaranteed, Burstable or BestEffort, by what the containers ask for. */
function qosClass(spec: Readonly<JsonObject>): string {
  const all = containersOf(spec);
  const asks = (container: JsonObject, kind: string, what: string): unknown =>
    valueAt(container, 'resources', kind, what);
  const guaranteed = all.every((container) =>
    ['cpu', 'memory'].every((what) => {
      const limit = asks(container, 'limits', what);
      return limit !== undefined && equalJson(limit, asks(container, 'requests', what) ?? limit);
    }),
  );
  if (guaranteed) return 'Guaranteed';
  const any = all.some((c) =>
    ['limits', 'requests'].some((kind) => Object.keys(objectAt(c, 'resources', kind) ?? {}).length > 0),
  );
  return any ? 'Burstable' : 'BestEffort';
}

function validateContainers(spec: Readonly<JsonObject>): readonly FieldError[] {
  const found: FieldError[] = [];
  const volumes = new Set(arrayAt(spec, 'volumes').map((volume) => stringAt(volume, 'name')));
  const names = new Set<string>();
  for (const field of ['initContainers', 'containers']) {
    arrayAt(spec, field).forEach((container, i) => {
      const at = `spec.${field}[${i}]`;
      const name = stringAt(container, 'name') ?? '';
      if (names.has(name)) found.push(fieldError.duplicate(`${at}.name`, name));
      names.add(name);
      const problem = name === '' ? undefined : nameChecks.label(name);
      if (problem !== undefined) found.push(fieldError.invalid(`${at}.name`, name, problem));
      if ((stringAt(container, 'image') ?? '') === '') found.push(fieldError.required(`${at}.image`));
      arrayAt(container, 'volumeMounts').forEach((mount, m) => {
        const volume = stringAt(mount, 'name');
        if (!volumes.has(volume)) {
          found.push(fieldError.notFound(`${at}.volumeMounts[${m}].name`, volume));
        }
      });
      arrayAt(container, 'ports').forEach((port, p) => {
        const number = valueAt(port, 'containerPort');
        if (number === 0) found.push(fieldError.required(`${at}.ports[${p}].containerPort`));
        else if (typeof number === 'number' && (number < 1 || number > 65_535)) {
          found.push(
            fieldError.invalid(`${at}.ports[${p}].containerPort`, number, 'must be between 1 and 65535, inclusive'),
          );
        }
      });
    });
  }
  return found;
}

const SPEC_FIXED =
  'pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)';

/** The spec without what may change after creation. */
function fixedSpec(object: Readonly<JsonObject>): JsonObject {
  const spec = cloneJson(objectAt(object, 'spec') ?? {});
  for (const container of containersOf(spec)) delete container.image;
  delete spec.activeDeadlineSeconds;
  delete spec.tolerations;
  return spec;
}

export const podStrategy: Strategy = {
  prepareCreate: (draft) => {
    prepareSpec(draft);
    const spec = ensureObject(draft, 'spec');
    draft.status = { phase: 'Pending', qosClass: qosClass(spec) };
  },
  prepareUpdate: (draft) => prepareSpec(draft),
  validate: (draft) => validateContainers(objectAt(draft, 'spec') ?? {}),
  validateCreate: validatePodPaths,
  validateUpdate: (draft, current) =>
    equalJson(fixedSpec(draft), fixedSpec(current)) ? [] : [fieldError.forbidden('spec', SPEC_FIXED)],
  gracePeriod: (current, requested) => {
    // Nobody runs it, or it has ended: nothing to wait for.
    if ((stringAt(current, 'spec', 'nodeName') ?? '') === '') return 0;
    const phase = stringAt(current, 'status', 'phase');
    if (phase === 'Succeeded' || phase === 'Failed') return 0;
    const own = valueAt(current, 'spec', 'terminationGracePeriodSeconds');
    return Math.max(0, requested ?? (typeof own === 'number' ? own : 30));
  },
};

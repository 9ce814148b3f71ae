import { decodeObject, mediaType, readBody } from '../http/body.ts';
import type { ResourceCall } from '../http/resource-handler.ts';
import { sendJson } from '../http/respond.ts';
import { errors, success } from '../http/status.ts';
import { arrayAt, isObject, objectAt, stringAt } from '../json.ts';
import { timestamp } from '../kinds/metadata.ts';
import type { Environment } from '../operations/environment.ts';
import { keyOf } from '../registry/definition.ts';
import { asksForDryRun } from './dry-run.ts';

/** `pods/binding`: a scheduler's decision. It holds once and for all. */
export async function serveBinding(call: ResourceCall, env: Environment): Promise<void> {
  const { request, response, path, definition } = call;
  if (request.method !== 'POST') throw errors.methodNotAllowed(request.method?.toLowerCase() ?? '', definition);
  const name = path.name ?? '';
  const { value } = await decodeObject(await readBody(request), mediaType(request), false);
  if ((stringAt(value, 'metadata', 'name') ?? '') !== name) {
    throw errors.badRequest('name in URL does not match name in Binding object');
  }
  const dryRun = asksForDryRun(call.query, 'CreateOptions');
  const node = stringAt(value, 'target', 'name') ?? '';
  if (node === '') throw errors.badRequest('target.name: Required value');
  const uid = stringAt(value, 'metadata', 'uid') ?? '';
  await env.store.transact(keyOf(definition, path.namespace, name), (current) => {
    if (!current) throw errors.notFound(definition, name);
    if (uid !== '' && uid !== current.metadata.uid) {
      throw errors.conflict(
        definition,
        name,
        `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${String(current.metadata.uid)}`,
      );
    }
    if (current.metadata.deletionTimestamp !== undefined) {
      throw errors.conflict(definition, name, `pod ${name} is being deleted, cannot be assigned to a host`);
    }
    const before = stringAt(current, 'spec', 'nodeName') ?? '';
    if (before !== '') throw errors.conflict(definition, name, `pod ${name} is already assigned to node "${before}"`);
    env.admission.admit({
      operation: 'CREATE',
      definition,
      namespace: path.namespace,
      name,
      subresource: 'binding',
      kind: { group: '', version: 'v1', kind: 'Binding' },
      object: isObject(value) ? value : {},
      oldObject: null,
      context: { now: env.clock.now(), user: call.user, dryRun },
    });
    const scheduled = {
      type: 'PodScheduled',
      status: 'True',
      lastProbeTime: null,
      lastTransitionTime: timestamp(env.clock.now()),
    };
    const conditions = arrayAt(current, 'status', 'conditions').filter(
      (c) => !isObject(c) || c.type !== 'PodScheduled',
    );
    if (dryRun) return { type: 'keep' };
    return {
      type: 'put',
      object: {
        ...current,
        spec: { ...objectAt(current, 'spec'), nodeName: node },
        status: { ...objectAt(current, 'status'), conditions: [...conditions, scheduled] },
      },
    };
  });
  sendJson(response, 201, { ...success(), code: 201 });
}

import { decodeObject, mediaType, readBody } from '../http/body.ts';
import type { ResourceCall } from '../http/resource-handler.ts';
import { errors } from '../http/status.ts';
import { arrayAt, type JsonObject, objectAt, stringAt } from '../json.ts';
import type { Environment } from '../operations/environment.ts';
import { amend } from '../operations/finish.ts';
import { keyOf } from '../registry/definition.ts';

/** `namespaces/finalize`: the way out for a namespace whose content cannot be removed. Sets spec.finalizers alone. */
export async function serveFinalize(call: ResourceCall, env: Environment): Promise<Readonly<JsonObject>> {
  const { request, path, definition } = call;
  if (request.method !== 'PUT') throw errors.methodNotAllowed(request.method?.toLowerCase() ?? '', definition);
  const name = path.name ?? '';
  const key = keyOf(definition, undefined, name);
  const before = env.store.get(key);
  if (!before) throw errors.notFound(definition, name);
  const { value } = await decodeObject(await readBody(request), mediaType(request), false);
  const version = stringAt(value, 'metadata', 'resourceVersion') ?? '';
  const finalizers = arrayAt(value, 'spec', 'finalizers').map(String);
  await amend(env.store, key, undefined, (current) => {
    if (version !== '' && version !== stringAt(current, 'metadata', 'resourceVersion'))
      throw errors.modified(definition, name);
    const object = { ...current, spec: { ...objectAt(current, 'spec'), finalizers } };
    env.admission.admit({
      operation: 'UPDATE',
      definition,
      namespace: undefined,
      name,
      subresource: 'finalize',
      object,
      oldObject: current,
      context: { now: env.clock.now(), user: call.user, dryRun: false },
    });
    return object;
  });
  return { ...before, spec: { ...objectAt(before, 'spec'), finalizers } };
}

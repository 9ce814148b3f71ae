import { decodeObject, mediaType, readBody } from '../http/body.ts';
import { readFieldManager } from '../http/field-manager.ts';
import type { ResourceCall } from '../http/resource-handler.ts';
import { errors } from '../http/status.ts';
import { arrayAt, isObject, type JsonObject, objectAt, stringAt } from '../json.ts';
import { present, toStored } from '../operations/convert.ts';
import type { Environment } from '../operations/environment.ts';
import { isFinished } from '../operations/finish.ts';
import { keyOf, type WriteContext } from '../registry/definition.ts';
import type { Decision } from '../store/object-store.ts';
import { asksForDryRun } from './dry-run.ts';

/** `namespaces/finalize`: the way out for a namespace whose content cannot be removed. Sets spec.finalizers alone. */
export async function serveFinalize(call: ResourceCall, env: Environment): Promise<Readonly<JsonObject>> {
  const { request, path, definition, query, user } = call;
  if (request.method !== 'PUT') throw errors.methodNotAllowed(request.method?.toLowerCase() ?? '', definition);
  const name = path.name ?? '';
  const { value } = await decodeObject(await readBody(request), mediaType(request), false);
  if (!isObject(value)) throw errors.badRequest('the body is no Namespace');
  const sent = stringAt(value, 'metadata', 'name') ?? '';
  if (sent !== name) {
    throw errors.badRequest(
      sent === ''
        ? 'name must be provided'
        : `the name of the object (${sent}) does not match the name on the URL (${name})`,
    );
  }
  const version = stringAt(value, 'metadata', 'resourceVersion') ?? '';
  const finalizers = arrayAt(value, 'spec', 'finalizers').map(String);
  const context: WriteContext = {
    now: env.clock.now(),
    user,
    dryRun: asksForDryRun(query, 'UpdateOptions'),
    fieldManager: readFieldManager(request, query, false),
  };
  let result: Readonly<JsonObject> = {};
  const stored = await env.store.transact(keyOf(definition, undefined, name), (before): Decision => {
    if (!before) throw errors.notFound(definition, name);
    const current = present(definition, before);
    if (version !== '' && version !== stringAt(current, 'metadata', 'resourceVersion')) {
      throw errors.modified(definition, name);
    }
    const spec: JsonObject = { ...objectAt(current, 'spec'), finalizers };
    if (finalizers.length === 0) delete spec.finalizers;
    const draft = { ...current, spec };
    const managedFields = env.fields.updated(
      { definition, context, subresource: 'finalize' },
      current,
      draft,
      undefined,
    );
    const metadata = { ...objectAt(current, 'metadata') };
    if (managedFields) metadata.managedFields = managedFields;
    const object = { ...draft, metadata };
    result = object;
    env.admission.admit({
      operation: 'UPDATE',
      definition,
      namespace: undefined,
      name,
      subresource: 'finalize',
      object,
      oldObject: current,
      context,
    });
    if (context.dryRun) return { type: 'keep' };
    const next = toStored(definition, object);
    return isFinished(next) ? { type: 'delete', object: next } : { type: 'put', object: next };
  });
  return context.dryRun || !stored ? result : present(definition, stored);
}

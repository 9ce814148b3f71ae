import { decodeObject, mediaType, readBody } from '../http/body.ts';
import type { ResourceCall } from '../http/resource-handler.ts';
import { sendJson } from '../http/respond.ts';
import { errors, success } from '../http/status.ts';
import { arrayAt, isObject, objectAt, stringAt } from '../json.ts';
import { deleteObject, readDeleteOptions } from '../operations/delete.ts';
import type { Environment } from '../operations/environment.ts';

/**
 * `pods/eviction`: the polite deletion that `kubectl drain` asks for. This server keeps no PodDisruptionBudgets, so
 * nothing holds an eviction up: it is a deletion with the pod's grace.
 */
export async function serveEviction(call: ResourceCall, env: Environment): Promise<void> {
  const { request, response, path, definition, query, user } = call;
  if (request.method !== 'POST') throw errors.methodNotAllowed(request.method?.toLowerCase() ?? '', definition);
  const name = path.name ?? '';
  const { value } = await decodeObject(await readBody(request), mediaType(request), false);
  if (!isObject(value)) throw errors.badRequest('the body is no Eviction');
  const named = stringAt(value, 'metadata', 'name') ?? '';
  if (named !== '' && named !== name) throw errors.badRequest('name in URL does not match name in Eviction object');
  const body = objectAt(value, 'deleteOptions') ?? {};
  const dryRun = query.get('dryRun') === 'All' || arrayAt(body, 'dryRun').includes('All');
  await deleteObject(env, {
    definition,
    namespace: path.namespace,
    name,
    options: readDeleteOptions(body, new URLSearchParams()),
    context: { now: env.clock.now(), user, dryRun },
  });
  sendJson(response, 201, success());
}

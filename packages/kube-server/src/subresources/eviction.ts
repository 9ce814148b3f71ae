/**
 * `pods/eviction`: the polite deletion that `kubectl drain` asks for. A pod that runs goes only as far as its
 * PodDisruptionBudget allows (see budgets.ts); one that does not run yet or any more disturbs nobody.
 */
import { decodeObject, mediaType, readBody } from '../http/body.ts';
import { fieldError } from '../http/field-error.ts';
import type { ResourceCall } from '../http/resource-handler.ts';
import { sendJson } from '../http/respond.ts';
import { ApiError, errors, failure } from '../http/status.ts';
import { arrayAt, isObject, type JsonObject, objectAt, stringAt, valueAt } from '../json.ts';
import { timestamp } from '../kinds/metadata.ts';
import { deleteObject } from '../operations/delete.ts';
import { type DeleteOptions, readDeleteOptions } from '../operations/delete-options.ts';
import type { Environment } from '../operations/environment.ts';
import { amend } from '../operations/finish.ts';
import { keyOf, type WriteContext } from '../registry/definition.ts';
import { budgetsOf, isReady, letsUnreadyGo, stillProcessed, takeDisruption } from './budgets.ts';
import { asksForDryRun } from './dry-run.ts';

/** How often a pod may change under an eviction that found it before it ran. */
const MAX_ATTEMPTS = 20;

const KIND = { group: 'policy', version: 'v1', kind: 'Eviction' };

interface Eviction {
  readonly value: JsonObject;
  readonly options: DeleteOptions;
  readonly dryRun: boolean;
}

async function readEviction({ request, path, query }: ResourceCall): Promise<Eviction> {
  const { value } = await decodeObject(await readBody(request), mediaType(request), false);
  if (!isObject(value)) throw errors.badRequest('the body is no Eviction');
  const { apiVersion = '', kind = '' } = value;
  const isOurs =
    (kind === '' || kind === 'Eviction') && ['', 'policy/v1', 'policy/v1beta1'].includes(String(apiVersion));
  if (!isOurs) {
    throw errors.badRequest(`the body is ${String(kind)} of ${String(apiVersion)}, not an Eviction of policy/v1`);
  }
  if ((stringAt(value, 'metadata', 'name') ?? '') !== path.name) {
    throw errors.badRequest('name in URL does not match name in Eviction object');
  }
  const options = objectAt(value, 'deleteOptions') ?? {};
  if (options.ignoreStoreReadErrorWithClusterBreakingPotential === true) {
    const field = 'deleteOptions.ignoreStoreReadErrorWithClusterBreakingPotential';
    throw errors.invalid(KIND, path.name ?? '', [
      fieldError.invalid(field, true, 'can not be set for pod eviction, try after removing the option'),
    ]);
  }
  const dryRun = asksForDryRun(query, 'CreateOptions') || arrayAt(options, 'dryRun').includes('All');
  return { value, options: readDeleteOptions(options), dryRun };
}

/** Whether a pod can go without asking its budget. */
function disturbsNobody(pod: Readonly<JsonObject>): boolean {
  const phase = stringAt(pod, 'status', 'phase') ?? '';
  return ['Succeeded', 'Failed', 'Pending'].includes(phase) || isGoing(pod);
}

const isGoing = (pod: Readonly<JsonObject>): boolean => valueAt(pod, 'metadata', 'deletionTimestamp') !== undefined;

const isConflict = (error: unknown): boolean => error instanceof ApiError && error.status.reason === 'Conflict';

export async function serveEviction(call: ResourceCall, env: Environment): Promise<void> {
  const { request, response, path, definition, user } = call;
  if (request.method !== 'POST') throw errors.methodNotAllowed(request.method?.toLowerCase() ?? '', definition);
  const name = path.name ?? '';
  const namespace = path.namespace ?? '';
  const { value, options, dryRun } = await readEviction(call);
  const context: WriteContext = { now: env.clock.now(), user, dryRun };
  const find = (): Readonly<JsonObject> => {
    const pod = env.store.get(keyOf(definition, namespace, name));
    if (!pod) throw errors.notFound(definition, name);
    return pod as unknown as Readonly<JsonObject>;
  };
  env.admission.admit({
    operation: 'CREATE',
    definition,
    namespace,
    name,
    subresource: 'eviction',
    kind: KIND,
    object: value,
    oldObject: null,
    context,
  });

  /** `version` is what the pod must still be; where the client names one itself, that counts. */
  const remove = async (version?: string): Promise<void> => {
    const resourceVersion = options.resourceVersion ?? version;
    const asked = { ...options, ...(resourceVersion === undefined ? {} : { resourceVersion }) };
    const marked = dryRun ? undefined : await markEvicted(env, call, asked, context.now);
    const known = marked !== undefined && asked.resourceVersion !== undefined ? { resourceVersion: marked } : {};
    await deleteObject(env, {
      definition,
      namespace,
      name,
      options: { ...asked, ...known },
      context,
      isAdmitted: true,
    });
  };

  const removeQuiet = async (): Promise<boolean> => {
    for (let attempt = 1; ; attempt++) {
      const pod = find();
      if (!disturbsNobody(pod)) return false;
      // A pending pod may start at this moment; then its budget has a say.
      const mustStay = stringAt(pod, 'status', 'phase') === 'Pending' && !isGoing(pod);
      try {
        await remove(mustStay ? stringAt(pod, 'metadata', 'resourceVersion') : undefined);
        return true;
      } catch (error) {
        if (!isConflict(error) || options.resourceVersion !== undefined || attempt === MAX_ATTEMPTS) throw error;
      }
    }
  };

  const removeRunning = async (): Promise<void> => {
    const pod = find();
    const [budget, second] = budgetsOf(env, namespace, pod);
    if (second) {
      const why = 'This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.';
      throw failure(500, undefined, why);
    }
    if (!budget) return await remove();
    if (isReady(pod) || !letsUnreadyGo(budget)) {
      const budgets = env.registry.find('policy', 'v1', 'poddisruptionbudgets');
      if (!budgets) throw new Error('budgets are no built-in resource');
      await takeDisruption(env, budgets, budget, name, context);
      return await remove();
    }
    try {
      // Nothing is taken off the budget for it: it must not have become ready since.
      await remove(stringAt(pod, 'metadata', 'resourceVersion'));
    } catch (error) {
      if (!isConflict(error) || options.resourceVersion !== undefined) throw error;
      throw stillProcessed(stringAt(budget, 'metadata', 'name') ?? '');
    }
  };

  if (!(await removeQuiet())) await removeRunning();
  sendJson(response, 201, { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201 });
}

/** Says in the pod's status why it goes. Answers its version then, or undefined where it is not the pod that is meant. */
async function markEvicted(
  env: Environment,
  { definition, path }: ResourceCall,
  { uid, resourceVersion }: DeleteOptions,
  now: Date,
): Promise<string | undefined> {
  const key = keyOf(definition, path.namespace, path.name ?? '');
  let isMarked = false;
  await amend(env.store, key, uid, (pod) => {
    // That it does not fit is told by the deletion.
    if (resourceVersion !== undefined && resourceVersion !== stringAt(pod, 'metadata', 'resourceVersion'))
      return undefined;
    isMarked = true;
    const status = objectAt(pod, 'status') ?? {};
    const conditions = arrayAt(status, 'conditions').filter(isObject);
    const before = conditions.find(({ type }) => type === 'DisruptionTarget');
    const condition = {
      type: 'DisruptionTarget',
      status: 'True',
      lastProbeTime: null,
      lastTransitionTime: before?.status === 'True' ? before.lastTransitionTime : timestamp(now),
      reason: 'EvictionByEvictionAPI',
      message: 'Eviction API: evicting',
    };
    const rest = conditions.filter((other) => other !== before);
    return { ...pod, status: { ...status, conditions: [...rest, condition] } };
  });
  return isMarked ? stringAt(env.store.get(key), 'metadata', 'resourceVersion') : undefined;
}

/**
 * What a PodDisruptionBudget says of an eviction. The server decides by what the budget's controller reported last, and
 * takes one disruption off it; without a controller nothing is reported, and nothing allowed.
 *
 * - B1 A budget whose newest spec its controller has not seen allows nothing yet.
 * - B2 A pod that is not ready is not counted by its budget: it may go where enough others are healthy.
 * - B3 A disruption is taken in the budget's own transaction, so two evictions never take the same one.
 */
import { selectsLabels } from '../admission/label-selector.ts';
import { type ApiError, errors, failure } from '../http/status.ts';
import { arrayAt, isObject, type JsonObject, objectAt, stringAt, valueAt } from '../json.ts';
import { timestamp } from '../kinds/metadata.ts';
import { isReadableSelector } from '../kinds/selector-rules.ts';
import type { Environment } from '../operations/environment.ts';
import { updateObject } from '../operations/update.ts';
import { type ResourceDefinition, storePrefix, type WriteContext } from '../registry/definition.ts';

const PREFIX = storePrefix('policy', 'poddisruptionbudgets');
/** More evictions than this wait for the controller to notice them. */
const MAX_DISRUPTED = 2000;
const RETRY_SECONDS = 10;

const number = (budget: Readonly<JsonObject>, field: string): number => Number(valueAt(budget, 'status', field) ?? 0);

/** The budgets of a pod's namespace that select it. */
export function budgetsOf(
  env: Environment,
  namespace: string,
  pod: Readonly<JsonObject>,
): readonly Readonly<JsonObject>[] {
  const labels = objectAt(pod, 'metadata', 'labels') ?? {};
  return env.store
    .list(`${PREFIX}${namespace}/`)
    .map(({ object }) => object as unknown as Readonly<JsonObject>)
    .filter((budget) => {
      const selector = objectAt(budget, 'spec', 'selector');
      return selector !== undefined && isReadableSelector(selector) && selectsLabels(selector, labels);
    });
}

export function isReady(pod: Readonly<JsonObject>): boolean {
  return arrayAt(pod, 'status', 'conditions').some(
    (condition) => valueAt(condition, 'type') === 'Ready' && valueAt(condition, 'status') === 'True',
  );
}

/** B2. */
export function letsUnreadyGo(budget: Readonly<JsonObject>): boolean {
  if (stringAt(budget, 'spec', 'unhealthyPodEvictionPolicy') === 'AlwaysAllow') return true;
  const desired = number(budget, 'desiredHealthy');
  return desired > 0 && number(budget, 'currentHealthy') >= desired;
}

export function refused(why: string, retryAfterSeconds?: number): ApiError {
  return failure(429, 'TooManyRequests', "Cannot evict pod as it would violate the pod's disruption budget.", {
    causes: [{ reason: 'DisruptionBudget', message: why }],
    ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
  });
}

export const stillProcessed = (budget: string): ApiError =>
  refused(`The disruption budget ${budget} is still being processed by the server.`, RETRY_SECONDS);

/** Takes one disruption off a budget, or throws 429. */
export async function takeDisruption(
  env: Environment,
  definition: ResourceDefinition,
  budget: Readonly<JsonObject>,
  pod: string,
  context: WriteContext,
): Promise<void> {
  const name = stringAt(budget, 'metadata', 'name') ?? '';
  await updateObject(env, {
    definition,
    namespace: stringAt(budget, 'metadata', 'namespace'),
    name,
    status: true,
    context: { now: context.now, user: context.user, dryRun: context.dryRun, fieldManager: 'kube-apiserver' },
    fieldValidation: 'Ignore',
    duplicates: [],
    warn: () => {},
    isReplace: false,
    next: (current) => afterOne(definition, current, pod, timestamp(context.now)),
  });
}

function afterOne(definition: ResourceDefinition, budget: Readonly<JsonObject>, pod: string, now: string): JsonObject {
  const name = stringAt(budget, 'metadata', 'name') ?? '';
  const status = objectAt(budget, 'status') ?? {};
  const allowed = number(budget, 'disruptionsAllowed');
  const disrupted = objectAt(status, 'disruptedPods') ?? {};
  // Kubernetes names the resource in the singular here.
  const subject = { ...definition, plural: 'poddisruptionbudget' };
  if (number(budget, 'observedGeneration') < Number(valueAt(budget, 'metadata', 'generation') ?? 0)) {
    throw stillProcessed(name); // B1
  }
  if (allowed < 0) throw errors.forbidden(subject, name, 'pdb disruptions allowed is negative');
  if (Object.keys(disrupted).length > MAX_DISRUPTED) {
    const why = 'DisruptedPods map too big - too many evictions not confirmed by PDB controller';
    throw errors.forbidden(subject, name, why);
  }
  if (allowed === 0) {
    throw refused(
      `The disruption budget ${name} needs ${number(budget, 'desiredHealthy')} healthy pods and has ${number(budget, 'currentHealthy')} currently`,
    );
  }
  return {
    ...budget,
    status: {
      ...status,
      disruptionsAllowed: allowed - 1,
      disruptedPods: { ...disrupted, [pod]: now },
      ...(allowed === 1 ? { conditions: exhausted(budget, now) } : {}),
    },
  };
}

/** The conditions of a budget that allows no more. */
function exhausted(budget: Readonly<JsonObject>, now: string): readonly unknown[] {
  const all = arrayAt(budget, 'status', 'conditions').filter(isObject);
  const before = all.find(({ type }) => type === 'DisruptionAllowed');
  const condition = {
    type: 'DisruptionAllowed',
    status: 'False',
    observedGeneration: number(budget, 'observedGeneration'),
    lastTransitionTime: before?.status === 'False' ? before.lastTransitionTime : now,
    reason: 'InsufficientPods',
    message: '',
  };
  return before ? all.map((other) => (other === before ? condition : other)) : [...all, condition];
}

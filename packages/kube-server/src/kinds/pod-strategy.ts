import { type FieldError, fieldError } from '../http/field-error.ts';
import { arrayAt, cloneJson, ensureObject, equalJson, type JsonObject, objectAt, stringAt, valueAt } from '../json.ts';
import type { Strategy } from '../registry/definition.ts';
import { containersOf, fillPodSpec, fillRequests, validateContainers } from './pod-spec.ts';
import { validatePodPaths } from './pod-volumes.ts';

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

/** A pod stays on a node that is lost for a while, unless it says otherwise. */
function tolerateLostNode(spec: JsonObject): void {
  const own = arrayAt(spec, 'tolerations');
  const missing = ['node.kubernetes.io/not-ready', 'node.kubernetes.io/unreachable'].filter(
    (key) =>
      !own.some((toleration) => {
        const effect = stringAt(toleration, 'effect') ?? '';
        const [named = '', operator] = [stringAt(toleration, 'key'), stringAt(toleration, 'operator')];
        const fits = named === key || (named === '' && operator === 'Exists');
        return fits && (effect === 'NoExecute' || effect === '');
      }),
  );
  const added = missing.map((key) => ({ key, operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 300 }));
  if (added.length > 0) spec.tolerations = [...own, ...added];
}

/** The one address and the list that begins with it are told by clients of different age. */
function fillAddresses(status: JsonObject | undefined): void {
  const address = status?.podIP;
  if (!status || typeof address !== 'string' || address === '') return;
  const [first] = arrayAt(status, 'podIPs');
  if (stringAt(first, 'ip') !== address) status.podIPs = [{ ip: address }];
}

const COST = 'controller.kubernetes.io/pod-deletion-cost';

/** What the controllers of others decide by must be a number. */
function checkCost(pod: Readonly<JsonObject>): readonly FieldError[] {
  const cost = valueAt(pod, 'metadata', 'annotations', COST);
  if (typeof cost !== 'string') return [];
  const isWhole = /^-?(0|[1-9]\d*)$/.test(cost) && Math.abs(Number(cost) + 0.5) < 2 ** 31;
  return isWhole ? [] : [fieldError.invalid(`metadata.annotations[${COST}]`, cost, 'must be a 32bit integer')];
}

export const podStrategy: Strategy = {
  returnsDeleted: true,
  convertInput: (draft) => {
    const spec = ensureObject(draft, 'spec');
    spec.enableServiceLinks ??= true;
    fillPodSpec(spec);
    fillRequests(spec);
    fillAddresses(objectAt(draft, 'status'));
  },
  prepareCreate: (draft) => {
    const spec = ensureObject(draft, 'spec');
    spec.priority ??= 0;
    spec.preemptionPolicy ??= 'PreemptLowerPriority';
    tolerateLostNode(spec);
    draft.status = { phase: 'Pending', qosClass: qosClass(spec) };
  },
  prepareStatusUpdate: (draft, current) => {
    const status = ensureObject(draft, 'status');
    const known = valueAt(current, 'status', 'qosClass');
    if ((stringAt(status, 'qosClass') ?? '') === '' && known !== undefined) status.qosClass = known;
  },
  validate: (draft) => [...checkCost(draft), ...validateContainers(objectAt(draft, 'spec') ?? {}, 'spec')],
  validateCreate: (draft) => validatePodPaths(objectAt(draft, 'spec') ?? {}, 'spec'),
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

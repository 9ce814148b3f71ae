/** Deployments, ReplicaSets, DaemonSets, ReplicationControllers, PodTemplates and ControllerRevisions. */
import { type FieldError, fieldError } from '../http/field-error.ts';
import { cloneJson, ensureObject, equalJson, isObject, type JsonObject, objectAt, stringAt, valueAt } from '../json.ts';
import type { Strategy } from '../registry/definition.ts';
import { notWhole, wholeOf } from './annotated-number.ts';
import { completeTemplate, fillTemplate, validateLasting, validateTemplate } from './pod-template.ts';
import {
  immutable,
  mismatch,
  nonNegative,
  shareNumber,
  validateSelector,
  validateShare,
  validateWhole,
} from './selector-rules.ts';
import { validateCounts } from './workload-status.ts';

const templateOf = (object: Readonly<JsonObject>): JsonObject | undefined => objectAt(object, 'spec', 'template');
const selectorOf = (object: Readonly<JsonObject>): JsonObject | undefined => objectAt(object, 'spec', 'selector');

/** How a strategy is told in messages: as the server's own program has it. */
const told = (strategy: JsonObject | undefined): object => ({
  Type: strategy?.type ?? '',
  RollingUpdate: strategy?.rollingUpdate ?? null,
});

function validateDeploymentStrategy(strategy: JsonObject | undefined): readonly FieldError[] {
  const at = 'spec.strategy';
  const rolling = objectAt(strategy, 'rollingUpdate');
  switch (strategy?.type) {
    case 'Recreate':
      return rolling
        ? [fieldError.forbidden(`${at}.rollingUpdate`, "may not be specified when strategy `type` is 'Recreate'")]
        : [];
    case 'RollingUpdate': {
      const { maxUnavailable, maxSurge } = rolling ?? {};
      const place = `${at}.rollingUpdate.maxUnavailable`;
      const isStuck = shareNumber(maxUnavailable) === 0 && shareNumber(maxSurge) === 0;
      return [
        ...validateShare(maxUnavailable, place),
        ...validateShare(maxSurge, `${at}.rollingUpdate.maxSurge`),
        ...(isStuck ? [fieldError.invalid(place, maxUnavailable, 'may not be 0 when `maxSurge` is 0')] : []),
        ...validateWhole(maxUnavailable, place),
      ];
    }
    default:
      return [fieldError.notSupported(at, told(strategy), ['Recreate', 'RollingUpdate'])];
  }
}

/** A revision to go back to, in versions that are long gone; kept as a number there. */
const ROLLBACK = 'deprecated.deployment.rollback.to';

const rollbackOf = (object: Readonly<JsonObject>): string =>
  stringAt(object, 'metadata', 'annotations', ROLLBACK) ?? '';

/** As the number that it is; nothing where there is none. */
function keepRollback(draft: JsonObject): void {
  const metadata = objectAt(draft, 'metadata');
  const annotations = objectAt(metadata, 'annotations');
  if (!metadata || annotations?.[ROLLBACK] === undefined) return;
  const text = rollbackOf(draft);
  if (text !== '') annotations[ROLLBACK] = String(wholeOf(text));
  else delete annotations[ROLLBACK];
  if (Object.keys(annotations).length === 0) delete metadata.annotations;
}

function validateRollback(draft: Readonly<JsonObject>): readonly FieldError[] {
  const revision = rollbackOf(draft);
  if (!revision.startsWith('-')) return [];
  return [fieldError.invalid('spec.rollback.version', Number(revision), 'must be greater than or equal to 0')];
}

export const deploymentStrategy: Strategy = {
  unreadable: (sent) => {
    const text = rollbackOf(sent);
    const why = text === '' ? undefined : notWhole(sent, ROLLBACK);
    return why && `failed to parse annotation[${ROLLBACK}]=${text} as int64: ${why}`;
  },
  convertInput: (draft) => {
    fillTemplate(templateOf(draft));
    keepRollback(draft);
    const strategy = objectAt(draft, 'spec', 'strategy');
    if (strategy?.type !== 'RollingUpdate') return;
    const rolling = ensureObject(strategy, 'rollingUpdate');
    rolling.maxUnavailable ??= '25%';
    rolling.maxSurge ??= '25%';
  },
  prepareCreate: (draft) => {
    draft.status = {};
    completeTemplate(templateOf(draft));
  },
  prepareUpdate: (draft) => completeTemplate(templateOf(draft)),
  validate: (draft) => {
    const spec = objectAt(draft, 'spec') ?? {};
    const { progressDeadlineSeconds: deadline, minReadySeconds: ready } = spec;
    const isTooShort = typeof deadline === 'number' && deadline <= Number(ready ?? 0);
    return [
      ...nonNegative(spec, 'spec', ['replicas']),
      ...validateSelector(selectorOf(draft), templateOf(draft), {
        at: 'spec.selector',
        emptyFor: 'deployment',
        isRequired: true,
        unreadable: 'invalid label selector',
      }),
      ...validateTemplate(templateOf(draft), 'spec.template'),
      ...validateLasting(templateOf(draft), 'spec.template', 'ReplicaSet'),
      ...validateDeploymentStrategy(objectAt(spec, 'strategy')),
      ...nonNegative(spec, 'spec', ['minReadySeconds', 'revisionHistoryLimit']),
      ...validateRollback(draft),
      ...nonNegative(spec, 'spec', ['progressDeadlineSeconds']),
      ...(isTooShort
        ? [fieldError.invalid('spec.progressDeadlineSeconds', deadline, 'must be greater than minReadySeconds')]
        : []),
      ...validateCounts(draft.status, ['updatedReplicas', 'readyReplicas', 'availableReplicas']),
    ];
  },
  validateUpdate: (draft, current) => immutable(draft, current, ['spec', 'selector']),
  // Annotations of a Deployment are copied to its ReplicaSets.
  isNewGeneration: (draft, current) =>
    !equalJson(objectAt(draft, 'metadata', 'annotations'), objectAt(current, 'metadata', 'annotations')),
};

export const replicaSetStrategy: Strategy = {
  convertInput: (draft) => fillTemplate(templateOf(draft)),
  prepareCreate: (draft) => {
    draft.status = { replicas: 0 };
    completeTemplate(templateOf(draft));
  },
  prepareUpdate: (draft) => completeTemplate(templateOf(draft)),
  validate: (draft) => [
    ...nonNegative(draft.spec, 'spec', ['replicas', 'minReadySeconds']),
    ...validateSelector(selectorOf(draft), templateOf(draft), {
      at: 'spec.selector',
      emptyFor: 'deployment',
      isRequired: true,
      unreadable: 'invalid label selector',
    }),
    ...validateTemplate(templateOf(draft), 'spec.template'),
    ...validateLasting(templateOf(draft), 'spec.template', 'ReplicaSet'),
    ...validateCounts(draft.status, ['fullyLabeledReplicas', 'readyReplicas', 'availableReplicas']),
  ],
  validateUpdate: (draft, current) => immutable(draft, current, ['spec', 'selector']),
};

const GENERATION = 'deprecated.daemonset.template.generation';

/**
 * Counts changes of the template in an annotation, which only the server writes once the object is there. Who sends a DaemonSet without it is
 * taken to have sent 0 and owns it: in Kubernetes it is a field of the spec as its program has it.
 */
function countTemplates(draft: JsonObject, current?: Readonly<JsonObject>): void {
  const countOf = (object: Readonly<JsonObject>): bigint =>
    wholeOf(stringAt(object, 'metadata', 'annotations', GENERATION) ?? '0');
  const isChanged = current !== undefined && !equalJson(templateOf(draft), templateOf(current));
  const first = current ? countOf(current) : countOf(draft) < 1n ? 1n : countOf(draft);
  ensureObject(ensureObject(draft, 'metadata'), 'annotations')[GENERATION] = String(isChanged ? first + 1n : first);
}

function validateDaemonStrategy(strategy: JsonObject | undefined): readonly FieldError[] {
  const at = 'spec.updateStrategy';
  if (strategy?.type === 'OnDelete') return [];
  if (strategy?.type !== 'RollingUpdate') {
    return [fieldError.notSupported(at, told(strategy), ['RollingUpdate', 'OnDelete'])];
  }
  const { maxUnavailable, maxSurge } = objectAt(strategy, 'rollingUpdate') ?? {};
  const [unavailableAt, surgeAt] = [`${at}.rollingUpdate.maxUnavailable`, `${at}.rollingUpdate.maxSurge`];
  const [hasUnavailable, hasSurge] = [shareNumber(maxUnavailable) !== 0, shareNumber(maxSurge) !== 0];
  return [
    ...validateShare(maxUnavailable, unavailableAt),
    ...validateShare(maxSurge, surgeAt),
    ...validateWhole(maxUnavailable, unavailableAt),
    ...validateWhole(maxSurge, surgeAt),
    ...(hasUnavailable && hasSurge
      ? [fieldError.invalid(surgeAt, maxSurge, 'may not be set when maxUnavailable is non-zero')]
      : []),
    ...(hasUnavailable || hasSurge ? [] : [fieldError.required(unavailableAt, 'cannot be 0 when maxSurge is 0')]),
  ];
}

function validateDaemonSet(draft: Readonly<JsonObject>): readonly FieldError[] {
  return [
    ...validateSelector(selectorOf(draft), templateOf(draft), {
      at: 'spec.selector',
      emptyFor: 'daemonset',
      isRequired: true,
    }),
    ...validateTemplate(templateOf(draft), 'spec.template'),
    ...validateLasting(templateOf(draft), 'spec.template', 'DaemonSet'),
    ...nonNegative(draft.spec, 'spec', ['minReadySeconds']),
    ...validateDaemonStrategy(objectAt(draft, 'spec', 'updateStrategy')),
    ...nonNegative(draft.spec, 'spec', ['revisionHistoryLimit']),
    ...nonNegative(draft.status, 'status', [
      'currentNumberScheduled',
      'numberMisscheduled',
      'desiredNumberScheduled',
      'numberReady',
      'observedGeneration',
      'updatedNumberScheduled',
      'numberAvailable',
      'numberUnavailable',
      'collisionCount',
    ]),
  ];
}

export const daemonSetStrategy: Strategy = {
  unreadable: (sent) => notWhole(sent, GENERATION),
  convertInput: (draft) => {
    fillTemplate(templateOf(draft));
    ensureObject(ensureObject(draft, 'metadata'), 'annotations')[GENERATION] ??= '0';
    const strategy = objectAt(draft, 'spec', 'updateStrategy');
    if (strategy?.type !== 'RollingUpdate') return;
    const rolling = ensureObject(strategy, 'rollingUpdate');
    rolling.maxUnavailable ??= 1;
    rolling.maxSurge ??= 0;
  },
  prepareCreate: (draft) => {
    draft.status = { currentNumberScheduled: 0, numberMisscheduled: 0, desiredNumberScheduled: 0, numberReady: 0 };
    completeTemplate(templateOf(draft));
    countTemplates(draft);
  },
  prepareUpdate: (draft, current) => {
    completeTemplate(templateOf(draft));
    countTemplates(draft, current);
  },
  validateCreate: validateDaemonSet,
  // In this order, as the messages have it.
  validateUpdate: (draft, current) => [...immutable(draft, current, ['spec', 'selector']), ...validateDaemonSet(draft)],
};

/** Whether labels fit a plain map, as ReplicationControllers select. */
function selects(selector: Readonly<JsonObject>, labels: Readonly<JsonObject>): boolean {
  return Object.entries(selector).every(([key, value]) => labels[key] === value);
}

export const replicationControllerStrategy: Strategy = {
  convertInput: (draft) => {
    fillTemplate(templateOf(draft));
    const spec = ensureObject(draft, 'spec');
    const labels = objectAt(spec, 'template', 'metadata', 'labels');
    if (!labels) return;
    if (Object.keys(objectAt(spec, 'selector') ?? {}).length === 0) spec.selector = cloneJson(labels);
    const metadata = ensureObject(draft, 'metadata');
    if (Object.keys(objectAt(metadata, 'labels') ?? {}).length === 0) metadata.labels = cloneJson(labels);
  },
  prepareCreate: (draft) => {
    draft.status = { replicas: 0 };
    completeTemplate(templateOf(draft));
  },
  prepareUpdate: (draft) => completeTemplate(templateOf(draft)),
  validate: (draft) => {
    const selector = selectorOf(draft) ?? {};
    const template = templateOf(draft);
    const labels = objectAt(template, 'metadata', 'labels');
    const at = 'spec.template';
    const isEmpty = Object.keys(selector).length === 0;
    return [
      ...nonNegative(draft.spec, 'spec', ['minReadySeconds']),
      ...(isEmpty ? [fieldError.required('spec.selector')] : []),
      ...nonNegative(draft.spec, 'spec', ['replicas']),
      ...(template ? [] : [fieldError.required(at)]),
      ...(template && !isEmpty && !selects(selector, labels ?? {}) ? [mismatch(at, labels)] : []),
      ...(template ? validateTemplate(template, at) : []),
      ...validateLasting(template, at, 'ReplicationController'),
      ...validateCounts(draft.status, ['fullyLabeledReplicas', 'readyReplicas', 'availableReplicas']),
    ];
  },
  defaultPropagation: 'Orphan',
};

export const podTemplateStrategy: Strategy = {
  returnsDeleted: true,
  convertInput: (draft) => fillTemplate(draft.template),
  prepareCreate: (draft) => completeTemplate(draft.template),
  prepareUpdate: (draft) => completeTemplate(draft.template),
  validate: (draft) => validateTemplate(objectAt(draft, 'template'), 'template'),
};

export const controllerRevisionStrategy: Strategy = {
  validate: (draft) => nonNegative(draft, '', ['revision']).map((found) => ({ ...found, field: 'revision' })),
  validateCreate: (draft) => {
    const data = valueAt(draft, 'data');
    if (data === undefined || data === null) return [fieldError.required('data', 'data is mandatory')];
    return isObject(data) ? [] : [fieldError.required('data', 'data must be a valid JSON object')];
  },
  validateUpdate: (draft, current) => immutable(draft, current, ['data']),
};

import { type FieldError, fieldError } from '../http/field-error.ts';
import { arrayAt, cloneJson, ensureObject, equalJson, isObject, type JsonObject, objectAt, stringAt } from '../json.ts';
import type { Strategy } from '../registry/definition.ts';
import { nameChecks } from '../registry/names.ts';
import { completeTemplate, fillTemplate, validateLasting, validateTemplate } from './pod-template.ts';
import { nonNegative, shareNumber, validateSelector, validateShare, validateWhole } from './selector-rules.ts';
import { validateCounts } from './workload-status.ts';

const AT = 'spec.updateStrategy';

function validateStrategy(strategy: JsonObject | undefined): readonly FieldError[] {
  const rolling = objectAt(strategy, 'rollingUpdate');
  const { partition, maxUnavailable } = rolling ?? {};
  switch (strategy?.type) {
    case 'OnDelete': {
      const told = { Partition: partition ?? 0, MaxUnavailable: maxUnavailable ?? null };
      const why = "only allowed for updateStrategy 'RollingUpdate'";
      return rolling ? [fieldError.invalid(`${AT}.rollingUpdate`, told, why)] : [];
    }
    case 'RollingUpdate': {
      const place = `${AT}.rollingUpdate.maxUnavailable`;
      const isZero = maxUnavailable !== undefined && shareNumber(maxUnavailable) === 0;
      return [
        ...nonNegative(rolling, `${AT}.rollingUpdate`, ['partition']),
        ...validateShare(maxUnavailable, place),
        ...(isZero ? [fieldError.invalid(place, maxUnavailable, 'cannot be 0')] : []),
        ...validateWhole(maxUnavailable, place),
      ];
    }
    default: {
      const told = { Type: strategy?.type ?? '', RollingUpdate: rolling ?? null };
      return [fieldError.invalid(AT, told, "must be 'RollingUpdate' or 'OnDelete'")];
    }
  }
}

/** The template as its pods will have it: volumes of claims come from the claim templates. */
function withClaims(spec: Readonly<JsonObject>): JsonObject | undefined {
  const template = objectAt(spec, 'template');
  const names = arrayAt(spec, 'volumeClaimTemplates').map((claim) => stringAt(claim, 'metadata', 'name') ?? '');
  if (!template || names.length === 0) return template;
  const own = arrayAt(template, 'spec', 'volumes').filter((volume) => !names.includes(stringAt(volume, 'name') ?? ''));
  const volumes = [...own, ...names.map((name) => ({ name, persistentVolumeClaim: { claimName: name } }))];
  return { ...template, spec: { ...objectAt(template, 'spec'), volumes } };
}

function validateManagement(spec: Readonly<JsonObject>): readonly FieldError[] {
  const policy = spec.podManagementPolicy;
  if (policy === 'OrderedReady' || policy === 'Parallel') return [];
  return [fieldError.invalid('spec.podManagementPolicy', policy, "must be 'OrderedReady' or 'Parallel'")];
}

const mutable = [
  'replicas',
  'template',
  'updateStrategy',
  'minReadySeconds',
  'ordinals',
  'revisionHistoryLimit',
  'persistentVolumeClaimRetentionPolicy',
];

const FIXED =
  "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden";

function fixed(object: Readonly<JsonObject>): JsonObject {
  const spec = cloneJson(objectAt(object, 'spec') ?? {});
  for (const field of mutable) delete spec[field];
  return spec;
}

export const statefulSetStrategy: Strategy = {
  convertInput: (draft) => {
    const spec = ensureObject(draft, 'spec');
    fillTemplate(spec.template);
    const strategy = ensureObject(spec, 'updateStrategy');
    if (strategy.type === undefined || strategy.type === '') {
      strategy.type = 'RollingUpdate';
      ensureObject(strategy, 'rollingUpdate');
    }
    const rolling = objectAt(strategy, 'rollingUpdate');
    if (strategy.type === 'RollingUpdate' && rolling) rolling.partition ??= 0;
  },
  prepareCreate: (draft) => {
    draft.status = { replicas: 0, availableReplicas: 0 };
    complete(draft);
  },
  prepareUpdate: complete,
  validateName: nameChecks.label,
  validate: (draft) => {
    const spec = objectAt(draft, 'spec') ?? {};
    return [
      ...validateManagement(spec),
      ...validateStrategy(objectAt(spec, 'updateStrategy')),
      ...nonNegative(spec, 'spec', ['replicas', 'minReadySeconds']),
      ...nonNegative(spec.ordinals, 'spec.ordinals', ['start']),
      ...validateSelector(objectAt(spec, 'selector'), objectAt(spec, 'template'), {
        at: 'spec.selector',
        emptyFor: 'statefulset',
        isRequired: true,
        unreadable: '',
      }),
      ...validateTemplate(withClaims(spec), 'spec.template'),
      ...validateLasting(objectAt(spec, 'template'), 'spec.template', 'StatefulSet'),
      ...validateCounts(
        draft.status,
        ['readyReplicas', 'currentReplicas', 'updatedReplicas', 'availableReplicas'],
        'status.readyReplicas',
      ),
    ];
  },
  validateCreate: (draft) => {
    const service = stringAt(draft, 'spec', 'serviceName') ?? '';
    const problem = service === '' ? undefined : nameChecks.label(service);
    return problem === undefined ? [] : [fieldError.invalid('spec.serviceName', service, problem)];
  },
  validateUpdate: (draft, current) =>
    equalJson(fixed(draft), fixed(current)) ? [] : [fieldError.forbidden('spec', FIXED)],
};

function complete(draft: JsonObject): void {
  const spec = ensureObject(draft, 'spec');
  completeTemplate(spec.template);
  spec.serviceName ??= '';
  for (const claim of arrayAt(spec, 'volumeClaimTemplates').filter(isObject)) {
    claim.apiVersion ??= 'v1';
    claim.kind ??= 'PersistentVolumeClaim';
    ensureObject(claim, 'metadata');
    claim.status = { phase: 'Pending' };
  }
}

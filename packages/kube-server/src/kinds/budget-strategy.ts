import { checkLabelSelector } from '../admission/label-selector.ts';
import { fieldError } from '../http/field-error.ts';
import { objectAt } from '../json.ts';
import type { Strategy } from '../registry/definition.ts';
import { nonNegative, validateShare, validateWhole } from './selector-rules.ts';

/** PodDisruptionBudgets. What they allow is computed by a controller; evictions keep to what it reports. */
export const budgetStrategy: Strategy = {
  prepareCreate: (draft) => {
    draft.status = { disruptionsAllowed: 0, currentHealthy: 0, desiredHealthy: 0, expectedPods: 0 };
    draft.spec ??= {};
  },
  validate: (draft) => {
    const spec = objectAt(draft, 'spec') ?? {};
    const { minAvailable, maxUnavailable, unhealthyPodEvictionPolicy } = spec;
    const told = {
      MinAvailable: minAvailable ?? null,
      Selector: spec.selector ?? null,
      MaxUnavailable: maxUnavailable ?? null,
      UnhealthyPodEvictionPolicy: unhealthyPodEvictionPolicy ?? null,
    };
    const isBoth = minAvailable !== undefined && maxUnavailable !== undefined;
    return [
      ...(isBoth ? [fieldError.invalid('spec', told, 'minAvailable and maxUnavailable cannot be both set')] : []),
      ...['minAvailable', 'maxUnavailable'].flatMap((field) => [
        ...validateShare(spec[field], `spec.${field}`),
        ...validateWhole(spec[field], `spec.${field}`),
      ]),
      ...checkLabelSelector(objectAt(spec, 'selector') ?? {}, 'spec.selector'),
      ...nonNegative(draft.status, 'status', [
        'disruptionsAllowed',
        'currentHealthy',
        'desiredHealthy',
        'expectedPods',
      ]),
    ];
  },
};

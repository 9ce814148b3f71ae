import { type FieldError, fieldError } from '../http/field-error.ts';
import { valueAt } from '../json.ts';
import { nonNegative } from './selector-rules.ts';

const counts = [
  'replicas',
  'updatedReplicas',
  'fullyLabeledReplicas',
  'readyReplicas',
  'currentReplicas',
  'availableReplicas',
  'unavailableReplicas',
  'terminatingReplicas',
  'observedGeneration',
  'collisionCount',
];

/**
 * Judges the numbers that a controller reports of its pods. `parts` are those that cannot be more than `replicas`;
 * `readyName` is how the kind's messages call one of them.
 */
export function validateCounts(
  status: unknown,
  parts: readonly string[],
  readyName = 'readyReplicas',
): readonly FieldError[] {
  const number = (field: string): number => Number(valueAt(status, field) ?? 0);
  const found = [...nonNegative(status, 'status', counts)];
  for (const field of parts) {
    if (number(field) > number('replicas')) {
      found.push(fieldError.invalid(`status.${field}`, number(field), 'cannot be greater than status.replicas'));
    }
  }
  if (number('availableReplicas') > number('readyReplicas')) {
    const why = `cannot be greater than ${readyName}`;
    found.push(fieldError.invalid('status.availableReplicas', number('availableReplicas'), why));
  }
  return found;
}

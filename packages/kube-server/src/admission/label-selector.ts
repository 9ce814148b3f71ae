import { type FieldError, fieldError } from '../http/field-error.ts';
import { arrayAt, isObject, type JsonObject, objectAt, stringAt } from '../json.ts';
import { nameChecks } from '../registry/names.ts';

const OPERATORS = ['DoesNotExist', 'Exists', 'In', 'NotIn'];

/** What is wrong with a `LabelSelector`. */
export function checkLabelSelector(selector: Readonly<JsonObject>, at: string): readonly FieldError[] {
  const found: FieldError[] = [];
  const checkKey = (key: string, field: string): void => {
    const problem = nameChecks.qualified(key);
    if (problem !== undefined) found.push(fieldError.invalid(field, key, problem));
  };
  for (const [key, value] of Object.entries(objectAt(selector, 'matchLabels') ?? {})) {
    checkKey(key, `${at}.matchLabels`);
    const problem = nameChecks.labelValue(String(value));
    if (problem !== undefined) found.push(fieldError.invalid(`${at}.matchLabels`, value, problem));
  }
  arrayAt(selector, 'matchExpressions').forEach((expression, i) => {
    const field = `${at}.matchExpressions[${i}]`;
    const operator = stringAt(expression, 'operator') ?? '';
    const values = arrayAt(expression, 'values').length;
    checkKey(stringAt(expression, 'key') ?? '', `${field}.key`);
    if (!OPERATORS.includes(operator)) {
      found.push(fieldError.invalid(`${field}.operator`, operator, 'not a valid selector operator'));
    } else if (operator === 'In' || operator === 'NotIn') {
      if (values === 0) {
        found.push(fieldError.required(`${field}.values`, "must be specified when `operator` is 'In' or 'NotIn'"));
      }
    } else if (values > 0) {
      found.push(
        fieldError.forbidden(`${field}.values`, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"),
      );
    }
  });
  return found;
}

export const isEmptySelector = (selector: Readonly<JsonObject> | undefined): boolean =>
  Object.keys(objectAt(selector, 'matchLabels') ?? {}).length === 0 &&
  arrayAt(selector, 'matchExpressions').length === 0;

/** Whether the labels of an object fit a `LabelSelector`; an empty one fits all. */
export function selectsLabels(selector: Readonly<JsonObject>, labels: Readonly<JsonObject>): boolean {
  const has = (key: string): boolean => Object.hasOwn(labels, key);
  const pairs = Object.entries(objectAt(selector, 'matchLabels') ?? {});
  if (!pairs.every(([key, value]) => has(key) && labels[key] === value)) return false;
  return arrayAt(selector, 'matchExpressions')
    .filter(isObject)
    .every((expression) => {
      const key = stringAt(expression, 'key') ?? '';
      const isListed = has(key) && arrayAt(expression, 'values').includes(labels[key]);
      switch (stringAt(expression, 'operator') ?? '') {
        case 'In':
          return isListed;
        case 'NotIn':
          return !isListed;
        case 'Exists':
          return has(key);
        case 'DoesNotExist':
          return !has(key);
        default:
          return false; // refused when the policy is created
      }
    });
}

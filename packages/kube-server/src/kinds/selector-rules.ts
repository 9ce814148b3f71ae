/** Rules that several kinds with a pod template share. */
import { checkLabelSelector, isEmptySelector, selectsLabels } from '../admission/label-selector.ts';
import { type FieldError, fieldError } from '../http/field-error.ts';
import { arrayAt, equalJson, isObject, type JsonObject, objectAt, stringAt, valueAt } from '../json.ts';

const OPERATORS = ['DoesNotExist', 'Exists', 'In', 'NotIn'];

/** Numbers below zero at the given fields of `holder`. */
export function nonNegative(holder: unknown, at: string, fields: readonly string[]): readonly FieldError[] {
  return fields.flatMap((field) => {
    const value = valueAt(holder, field);
    return typeof value === 'number' && value < 0
      ? [fieldError.invalid(`${at}.${field}`, value, 'must be greater than or equal to 0')]
      : [];
  });
}

export interface SelectorRule {
  readonly at: string;
  /** What the message about an empty selector calls the kind; undefined where it may be empty. */
  readonly emptyFor?: string;
  readonly isRequired: boolean;
  /** What is said of a selector that selects nothing because it cannot be read; undefined to say nothing. */
  readonly unreadable?: string;
}

/** Judges a `LabelSelector` and whether it selects the pods of its own template. */
export function validateSelector(
  selector: Readonly<JsonObject> | undefined,
  template: Readonly<JsonObject> | undefined,
  rule: SelectorRule,
): readonly FieldError[] {
  const { at, emptyFor, unreadable } = rule;
  const found: FieldError[] = [];
  // That it is missing is told by the schema, where it is required.
  if (!selector && rule.isRequired) return matches(undefined, template, at);
  if (selector) {
    found.push(...checkLabelSelector(selector, at));
    if (found.length > 0) {
      if (unreadable !== undefined) found.push(fieldError.invalid(at, selectorInOrder(selector), unreadable));
      return found;
    }
    if (emptyFor !== undefined && isEmptySelector(selector)) {
      return [fieldError.invalid(at, {}, `empty selector is invalid for ${emptyFor}`)];
    }
  }
  return [...found, ...matches(selector, template, at)];
}

function matches(
  selector: Readonly<JsonObject> | undefined,
  template: Readonly<JsonObject> | undefined,
  at: string,
): readonly FieldError[] {
  const labels = objectAt(template, 'metadata', 'labels');
  if (selector && selectsLabels(selector, labels ?? {})) return [];
  return [mismatch(at.replace(/selector$/, 'template'), labels)];
}

/** Labels as messages show them. */
export const inOrder = (pairs: Readonly<JsonObject>): JsonObject =>
  Object.fromEntries(Object.entries(pairs).toSorted(([a], [b]) => (a < b ? -1 : 1)));

/** A selector as messages show it: labels first. */
export const selectorInOrder = (selector: Readonly<JsonObject>): JsonObject => {
  const labels = objectAt(selector, 'matchLabels');
  const expressions = arrayAt(selector, 'matchExpressions');
  return {
    ...(labels && Object.keys(labels).length > 0 ? { matchLabels: inOrder(labels) } : {}),
    ...(expressions.length > 0 ? { matchExpressions: expressions } : {}),
  };
};

export const mismatch = (template: string, labels: Readonly<JsonObject> | undefined): FieldError =>
  fieldError.invalid(
    `${template}.metadata.labels`,
    labels ? inOrder(labels) : null,
    '`selector` does not match template `labels`',
  );

export function immutable(
  draft: Readonly<JsonObject>,
  current: Readonly<JsonObject>,
  path: readonly string[],
): readonly FieldError[] {
  const value = valueAt(draft, ...path);
  const after = path.at(-1) === 'selector' && isObject(value) ? selectorInOrder(value) : value;
  return equalJson(value ?? null, valueAt(current, ...path) ?? null)
    ? []
    : [fieldError.invalid(path.join('.'), after ?? null, 'field is immutable')];
}

const PERCENT = /^[0-9]+%$/;

/** A number or a share, neither below zero. */
export function validateShare(value: unknown, at: string): readonly FieldError[] {
  if (typeof value === 'number') {
    return value < 0 ? [fieldError.invalid(at, value, 'must be greater than or equal to 0')] : [];
  }
  if (typeof value !== 'string' || PERCENT.test(value)) return [];
  const why =
    "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')";
  return [fieldError.invalid(at, value, why)];
}

export function validateWhole(value: unknown, at: string): readonly FieldError[] {
  if (typeof value !== 'string' || !PERCENT.test(value) || Number(value.slice(0, -1)) <= 100) return [];
  return [fieldError.invalid(at, value, 'must not be greater than 100%')];
}

/** The number in a share or count; 0 for what is neither. */
export function shareNumber(value: unknown): number {
  if (typeof value === 'number') return value;
  return typeof value === 'string' && PERCENT.test(value) ? Number(value.slice(0, -1)) : 0;
}

/** A `LabelSelector` as `a=b,c in (d,e)`: what the scale subresource and the columns show. */
export function selectorText(selector: Readonly<JsonObject> | undefined): string {
  const parts = [
    ...Object.entries(objectAt(selector, 'matchLabels') ?? {}).map(([key, value]) => ({
      key,
      text: `${key}=${String(value)}`,
    })),
    ...arrayAt(selector, 'matchExpressions').map((expression) => {
      const key = stringAt(expression, 'key') ?? '';
      const values = arrayAt(expression, 'values').map(String).toSorted().join(',');
      return { key, text: expressionText(key, stringAt(expression, 'operator') ?? '', values) };
    }),
  ];
  return parts
    .toSorted((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0))
    .map(({ text }) => text)
    .join(',');
}

function expressionText(key: string, operator: string, values: string): string {
  switch (operator) {
    case 'In':
      return `${key} in (${values})`;
    case 'NotIn':
      return `${key} notin (${values})`;
    case 'DoesNotExist':
      return `!${key}`;
    default:
      return key;
  }
}

export const isReadableSelector = (selector: Readonly<JsonObject>): boolean =>
  arrayAt(selector, 'matchExpressions').every((expression) => {
    const operator = stringAt(expression, 'operator') ?? '';
    if (!OPERATORS.includes(operator)) return false;
    const isList = operator === 'In' || operator === 'NotIn';
    return isList === arrayAt(expression, 'values').length > 0;
  });

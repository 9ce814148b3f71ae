import { errors } from '../http/status.ts';
import { isObject, type JsonObject, objectAt } from '../json.ts';

export type Predicate = (object: Readonly<JsonObject>) => boolean;

function fieldValue(object: Readonly<JsonObject>, path: readonly string[]): string {
  let current: unknown = object;
  for (const part of path) current = isObject(current) ? current[part] : undefined;
  // `source` of an event is an object whose component is meant.
  if (isObject(current)) current = objectAt(current)?.component;
  return current === undefined || current === null ? '' : String(current as string | number | boolean);
}

/** Fields that read as `false` where they are absent. */
const booleans = new Set(['spec.unschedulable', 'spec.hostNetwork']);

/** Fields that are called otherwise in the object, and read as `0` where they are absent. */
const counts: Readonly<Record<string, readonly string[]>> = { 'status.successful': ['status', 'succeeded'] };

/** `metadata.name=x,status.phase!=Running`. Throws 400 on fields that the kind does not select by. */
export function fieldSelector(text: string | null, supported: readonly string[]): Predicate | undefined {
  if (text === null || text.trim() === '') return undefined;
  const checks = text
    .split(',')
    .filter((part) => part !== '')
    .map((part): Predicate => {
      const match = /^([^!=]+?)(==|=|!=)(.*)$/.exec(part);
      if (!match) throw errors.badRequest(`invalid selector: '${text}'; can't understand '${part}'`);
      const [, field = '', operator, value = ''] = match;
      if (field !== 'metadata.name' && field !== 'metadata.namespace' && !supported.includes(field)) {
        throw errors.badRequest(
          supported.length > 0
            ? `field label not supported: ${field}`
            : `"${field}" is not a known field selector: only "metadata.name", "metadata.namespace"`,
        );
      }
      const count = counts[field];
      const path = count ?? field.split('.');
      const absent = booleans.has(field) ? 'false' : count ? '0' : '';
      const negated = operator === '!=';
      return (object) => {
        const found = fieldValue(object, path);
        return ((found === '' ? absent : found) === value) !== negated;
      };
    });
  return (object) => checks.every((holds) => holds(object));
}

export function both(a: Predicate | undefined, b: Predicate | undefined): Predicate | undefined {
  if (!a || !b) return a ?? b;
  return (object) => a(object) && b(object);
}

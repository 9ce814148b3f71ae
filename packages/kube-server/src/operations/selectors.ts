import { errors } from '../http/status.ts';
import { isObject, type JsonObject, objectAt } from '../json.ts';
import { nameChecks } from '../registry/names.ts';

export type Predicate = (object: Readonly<JsonObject>) => boolean;

type Labels = Readonly<Record<string, unknown>>;
type Requirement = (labels: Labels) => boolean;

const unreadable = (text: string, why: string): Error =>
  errors.badRequest(`unable to parse requirement: ${why}: "${text}"`);

/** Splits at commas that are not inside parentheses. */
function splitRequirements(text: string): readonly string[] {
  const parts: string[] = [];
  let depth = 0;
  let start = 0;
  for (let i = 0; i <= text.length; i++) {
    if (text[i] === '(') depth++;
    else if (text[i] === ')') depth--;
    else if (i === text.length || (text[i] === ',' && depth === 0)) {
      parts.push(text.slice(start, i).trim());
      start = i + 1;
    }
  }
  return parts.filter((part) => part !== '');
}

function requirement(text: string): Requirement {
  const set = /^(\S+)\s+(in|notin)\s*\(([^()]*)\)$/.exec(text);
  if (set) {
    const [, key = '', operator, list = ''] = set;
    const values = new Set(list.split(',').map((value) => checkValue(value.trim(), text)));
    checkKey(key, text);
    return operator === 'in'
      ? (labels) => Object.hasOwn(labels, key) && values.has(String(labels[key]))
      : (labels) => !Object.hasOwn(labels, key) || !values.has(String(labels[key]));
  }
  const equality = /^([^\s!=<>]+)\s*(==|=|!=)\s*(\S*)$/.exec(text);
  if (equality) {
    const [, key = '', operator, value = ''] = equality;
    checkKey(key, text);
    checkValue(value, text);
    return operator === '!=' ? (labels) => labels[key] !== value : (labels) => labels[key] === value;
  }
  const comparison = /^([^\s!=<>]+)\s*([<>])\s*(-?\d+)$/.exec(text);
  if (comparison) {
    const [, key = '', operator, bound] = comparison;
    checkKey(key, text);
    return (labels) => {
      const value = Object.hasOwn(labels, key) ? Number(labels[key]) : Number.NaN;
      return operator === '>' ? value > Number(bound) : value < Number(bound);
    };
  }
  const existence = /^(!?)\s*([^\s!=<>()]+)$/.exec(text);
  if (!existence) throw unreadable(text, 'found unexpected text');
  const [, not, key = ''] = existence;
  checkKey(key, text);
  return (labels) => Object.hasOwn(labels, key) === (not === '');
}

function checkKey(key: string, text: string): void {
  const problem = nameChecks.qualified(key);
  if (problem !== undefined) throw unreadable(text, problem);
}

function checkValue(value: string, text: string): string {
  const problem = nameChecks.labelValue(value);
  if (problem !== undefined) throw unreadable(text, problem);
  return value;
}

const none: Labels = {};

/** `a=b,c!=d,e in (f,g),h notin (i),j,!k`. Throws 400 on what is no selector. */
export function labelSelector(text: string | null): Predicate | undefined {
  if (text === null || text.trim() === '') return undefined;
  const requirements = splitRequirements(text).map(requirement);
  return (object) => {
    const labels = (object.metadata as { readonly labels?: Labels } | undefined)?.labels ?? none;
    return requirements.every((holds) => holds(labels));
  };
}

function fieldValue(object: Readonly<JsonObject>, path: readonly string[]): string {
  let current: unknown = object;
  for (const part of path) current = isObject(current) ? current[part] : undefined;
  // `source` of an event is an object whose component is meant.
  if (isObject(current)) current = objectAt(current)?.component;
  return current === undefined || current === null ? '' : String(current as string | number | boolean);
}

/** Fields that read as `false` where they are absent. */
const booleans = new Set(['spec.unschedulable', 'spec.hostNetwork']);

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
      const path = field.split('.');
      const negated = operator === '!=';
      return (object) => {
        const found = fieldValue(object, path);
        return ((booleans.has(field) && found === '' ? 'false' : found) === value) !== negated;
      };
    });
  return (object) => checks.every((holds) => holds(object));
}

export function both(a: Predicate | undefined, b: Predicate | undefined): Predicate | undefined {
  if (!a || !b) return a ?? b;
  return (object) => a(object) && b(object);
}

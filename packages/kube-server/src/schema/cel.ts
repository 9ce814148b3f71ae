/**
 * `x-kubernetes-validations`: rules in the Common Expression Language over an object and, where a rule names
 * `oldSelf`, its state before.
 *
 * - C1 Every rule is compiled, and its greatest cost estimated, when the definition is created: a bad or expensive rule
 *   is refused there and not at use.
 * - C2 A rule with `oldSelf` (a transition rule) is judged only where the old value can be told: not on create, and in
 *   lists only where `x-kubernetes-list-map-keys` say which item is which. `optionalOldSelf` lifts that.
 * - C3 A rule that fails to evaluate refuses the object: errors never count as consent.
 * - C4 What an update leaves as it was is judged by transition rules alone; see ratchet.ts.
 * - C5 All rules of one object share one budget; when it is spent no further rule is run, and the object is refused.
 */
import { type FieldError, type FieldErrorType, fieldError } from '../http/field-error.ts';
import { isObject } from '../json.ts';
import type { Checked } from './cel/checker.ts';
import { compile } from './cel/compile.ts';
import { type Declared, declaredOf, withTypeAndName } from './cel/declared.ts';
import { evaluate, type Variables } from './cel/evaluate.ts';
import {
  CostExceeded,
  createMeter,
  createWorkBudget,
  PER_CALL_LIMIT,
  RUNTIME_BUDGET,
  type WorkBudget,
} from './cel/meter.ts';
import { optionalOf } from './cel/types.ts';
import { CelError, type CelValue } from './cel/values.ts';
import { celValue } from './cel-value.ts';
import { type FieldPath, pathText } from './field-path.ts';
import { type Correlation, correlationOf, isUnchanged } from './ratchet.ts';
import type { Schema, ValidationRule } from './schema.ts';
import { readSchemaPath } from './schema-path.ts';

export interface CelValidator {
  readonly hasRules: boolean;
  /** `old`: undefined on create. `warn` is told what is wrong but stays as it was. */
  validate(value: unknown, old: unknown, warn?: (text: FieldError) => void): readonly FieldError[];
}

export interface CompiledRule {
  readonly rule: ValidationRule;
  readonly run: Checked;
  readonly message: Checked | undefined;
  readonly isTransition: boolean;
  /** Where a broken rule is shown, from the place of the rule on. */
  readonly fieldPath: string;
}

export type RuleCompilation =
  | { readonly compiled: CompiledRule; readonly problem?: undefined; readonly messageProblem?: string }
  | { readonly compiled?: undefined; readonly problem: string; readonly messageProblem?: undefined };

/** Compiles one rule of a schema; `declared` is the type of the schema. */
export function compileRule(rule: ValidationRule, schema: Schema, declared: Declared): RuleCompilation {
  const variables = new Map([
    ['self', declared.type],
    ['oldSelf', rule.optionalOldSelf === true ? optionalOf(declared.type) : declared.type],
  ]);
  const run = compile(rule.rule, variables);
  if ('problem' in run) return { problem: `compilation failed: ${run.problem}` };
  if (run.checked.type.kind !== 'bool') return { problem: 'cel expression must evaluate to a bool' };
  const said = rule.messageExpression ? compile(rule.messageExpression, variables) : undefined;
  const messageProblem =
    said === undefined
      ? undefined
      : 'problem' in said
        ? `messageExpression compilation failed: ${said.problem}`
        : said.checked.type.kind === 'string'
          ? undefined
          : 'messageExpression must evaluate to a string';
  const path = rule.fieldPath ? readSchemaPath(rule.fieldPath, schema) : undefined;
  return {
    compiled: {
      rule,
      run: run.checked,
      message: said && 'checked' in said && messageProblem === undefined ? said.checked : undefined,
      isTransition: run.checked.usesVariable('oldSelf'),
      fieldPath: path && 'text' in path ? path.text : '',
    },
    ...(messageProblem === undefined ? {} : { messageProblem }),
  };
}

/** A schema with rules somewhere at or below it. */
interface RuleNode {
  readonly schema: Schema;
  readonly rules: readonly (CompiledRule | string)[];
  readonly properties: ReadonlyMap<string, RuleNode>;
  readonly items: RuleNode | undefined;
  readonly values: RuleNode | undefined;
}

/** The rules of a schema that was accepted, ready to judge objects. `isRoot`: of a whole object. */
export function createCelValidator(schema: Schema, isRoot = true): CelValidator {
  const root = build(schema, isRoot);
  return {
    hasRules: root !== undefined,
    validate: (value, old, warn = () => undefined) => {
      if (!root) return [];
      const judgement: Judgement = { errors: [], warn, budget: { left: RUNTIME_BUDGET }, work: createWorkBudget() };
      visit(root, value, old, { now: correlationOf(schema, value, old), parent: undefined }, [], judgement);
      return judgement.errors;
    },
  };
}

function build(schema: Schema, isRoot: boolean): RuleNode | undefined {
  const own = schema['x-kubernetes-validations'] ?? [];
  const declared = own.length > 0 ? declaredOf(schema, isRoot) : undefined;
  const rules = own.map((rule): CompiledRule | string => {
    if (!declared) return 'the schema has no type';
    const result = compileRule(rule, schema, declared);
    return result.compiled ?? result.problem;
  });
  const inner = (child: Schema): RuleNode | undefined => build(child, child['x-kubernetes-embedded-resource'] === true);
  const properties = new Map<string, RuleNode>();
  for (const [name, child] of Object.entries(schema.properties ?? {})) {
    const built = inner(child);
    if (built) properties.set(name, built);
  }
  const items = schema.items && inner(schema.items);
  const values = isObject(schema.additionalProperties) ? inner(schema.additionalProperties as Schema) : undefined;
  if (rules.length === 0 && properties.size === 0 && !items && !values) return undefined;
  return { schema: isRoot ? withTypeAndName(schema) : schema, rules, properties, items, values };
}

interface Judgement {
  readonly errors: FieldError[];
  readonly warn: (error: FieldError) => void;
  /** C5 */
  readonly budget: { left: number };
  readonly work: WorkBudget;
}

/** The value before, where it can be told, and the nearest one above it where it cannot. */
interface Before {
  readonly now: Correlation | undefined;
  readonly parent: Correlation | undefined;
}

function below(before: Before, part: string | number, isTop: boolean): Before {
  if (!before.now) return before;
  if (isTop && (part === 'apiVersion' || part === 'kind')) return { now: undefined, parent: undefined };
  return { now: before.now.child(part), parent: before.now };
}

function visit(
  node: RuleNode,
  value: unknown,
  old: unknown,
  before: Before,
  path: FieldPath,
  judgement: Judgement,
): void {
  if (value === undefined || value === null || judgement.budget.left < 0) return;
  if (node.rules.length > 0) runRules(node, value, old ?? undefined, before, path, judgement);
  if (Array.isArray(value)) {
    const { items } = node;
    if (!items) return;
    const find = correlated(node.schema, old);
    value.forEach((item: unknown, i) => {
      path.push(i);
      visit(items, item, find(item), below(before, i, path.length === 1), path, judgement);
      path.pop();
    });
  } else if (isObject(value)) {
    for (const key of Object.keys(value)) {
      const child = node.properties.get(key) ?? node.values;
      if (!child) continue;
      path.push(key);
      const oldValue = isObject(old) && Object.hasOwn(old, key) ? old[key] : undefined;
      visit(child, value[key], oldValue, below(before, key, path.length === 1), path, judgement);
      path.pop();
    }
  }
}

/** C2: finds the old item with the same keys. */
function correlated(schema: Schema, old: unknown): (item: unknown) => unknown {
  const keys = schema['x-kubernetes-list-map-keys'];
  if (schema['x-kubernetes-list-type'] !== 'map' || !keys || !Array.isArray(old)) return () => undefined;
  const keyOf = (item: unknown): string | undefined =>
    isObject(item) ? JSON.stringify(keys.map((key) => item[key] ?? null)) : undefined;
  const known = new Map(old.map((item: unknown) => [keyOf(item), item]));
  return (item) => (isObject(item) ? known.get(keyOf(item)) : undefined);
}

const OUT_OF_BUDGET = 'validation failed due to running out of cost budget, no further validation rules will be run';

function runRules(
  node: RuleNode,
  value: unknown,
  old: unknown,
  before: Before,
  path: FieldPath,
  judgement: Judgement,
): void {
  const { budget, work } = judgement;
  const shown = node.schema.type ?? '';
  const refuse = (detail: string): void => {
    judgement.errors.push(fieldError.invalid(pathText(path), shown, detail));
  };
  const stop = (detail: string): void => {
    refuse(detail);
    budget.left = -1;
  };
  if (budget.left === 0) {
    stop(OUT_OF_BUDGET);
    return;
  }
  const self = lazily(() => celValue(node.schema, value));
  const oldSelf = lazily(() => celValue(node.schema, old));
  for (const compiled of node.rules) {
    if (typeof compiled === 'string') {
      refuse(`rule compile error: ${compiled}`);
      continue;
    }
    const { rule } = compiled;
    const isOptional = rule.optionalOldSelf === true;
    if (compiled.isTransition && old === undefined && !isOptional) continue; // C2
    const variables: Variables = (name) => {
      if (name === 'self') return self();
      if (name !== 'oldSelf') return undefined;
      if (isOptional) return { tag: 'optional', value: old === undefined ? undefined : oldSelf() };
      return old === undefined ? undefined : oldSelf();
    };
    const verdict = attempt(compiled.run, variables, work);
    if (verdict.cost > budget.left) {
      stop(OUT_OF_BUDGET);
      return;
    }
    budget.left -= verdict.cost;
    if (verdict.isTooExpensive) {
      stop(
        `'operation cancelled: actual cost limit exceeded': no further validation rules will be run due to call cost exceeds limit for rule: ${ruleText(rule)}`,
      );
      return;
    }
    if (verdict.failure !== undefined) {
      refuse(failureText(verdict.failure, rule)); // C3
      continue;
    }
    if (verdict.value === true) continue;
    const said = messageOf(compiled, variables, judgement);
    if (said === undefined) {
      stop(
        'messageExpression evaluation failed due to running out of cost budget, no further validation rules will be run',
      );
      return;
    }
    const error = complaint(compiled, shown, path, said);
    if (!compiled.isTransition && isUnchanged(before.now, before.parent))
      judgement.warn(error); // C4
    else judgement.errors.push(error);
  }
}

function lazily(make: () => CelValue): () => CelValue {
  let made: { readonly value: CelValue } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}

interface Verdict {
  readonly cost: number;
  readonly value?: CelValue;
  readonly failure?: string;
  readonly isTooExpensive?: true;
}

function attempt(checked: Checked, variables: Variables, work: WorkBudget): Verdict {
  const meter = createMeter(PER_CALL_LIMIT, work);
  try {
    const value = evaluate(checked, variables, meter);
    return { value, cost: meter.cost };
  } catch (error) {
    if (error instanceof CostExceeded) return { isTooExpensive: true, cost: 0 };
    if (error instanceof CelError) return { failure: error.message, cost: meter.cost };
    throw error;
  }
}

const ruleText = (rule: ValidationRule): string => (rule.message ? rule.message.trim() : rule.rule.trim());

function failureText(failure: string, rule: ValidationRule): string {
  return failure.startsWith('no such overload')
    ? `'${failure}': call arguments did not match a supported operator, function or macro signature for rule: ${ruleText(rule)}`
    : `${failure} evaluating rule: ${ruleText(rule)}`;
}

const MAX_MESSAGE_BYTES = 5 * 1024;

/** What the object is refused with; undefined where the budget does not last for it. */
function messageOf({ rule, message }: CompiledRule, variables: Variables, judgement: Judgement): string | undefined {
  const fallback = rule.message ? rule.message.trim() : `failed rule: ${rule.rule.trim()}`;
  if (!message) return fallback;
  const { value, cost, isTooExpensive } = attempt(message, variables, judgement.work);
  if (isTooExpensive || cost > judgement.budget.left) return undefined;
  judgement.budget.left -= cost;
  const said = typeof value === 'string' ? value.trim() : '';
  return said === '' || said.includes('\n') || Buffer.byteLength(said) > MAX_MESSAGE_BYTES ? fallback : said;
}

const reasons: ReadonlySet<string> = new Set<FieldErrorType>([
  'FieldValueInvalid',
  'FieldValueForbidden',
  'FieldValueRequired',
  'FieldValueDuplicate',
]);

function complaint({ rule, fieldPath }: CompiledRule, shown: string, path: FieldPath, detail: string): FieldError {
  const type = (
    rule.reason !== undefined && reasons.has(rule.reason) ? rule.reason : 'FieldValueInvalid'
  ) as FieldErrorType;
  const own = pathText(path);
  const field = fieldPath === '' ? own : own === '' ? fieldPath : `${own}.${fieldPath}`;
  return { type, field, value: shown, detail: type === 'FieldValueDuplicate' ? '' : detail };
}

export interface CelCompilation {
  readonly validator: CelValidator;
  /** What is wrong with the rules. */
  readonly errors: readonly string[];
}

/** The rules of a schema with what is wrong with them, for those who have a schema and no definition around it. */
export function compileCel(schema: Schema): CelCompilation {
  const errors: string[] = [];
  const visitRules = (node: RuleNode | undefined): void => {
    if (!node) return;
    errors.push(...node.rules.filter((rule) => typeof rule === 'string'));
    for (const child of [...node.properties.values(), node.items, node.values]) visitRules(child);
  };
  visitRules(build(schema, true));
  return { validator: createCelValidator(schema), errors };
}

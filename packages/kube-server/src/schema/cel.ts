/**
 * `x-kubernetes-validations`: rules in the Common Expression Language over an object and, where a rule names
 * `oldSelf`, its state before.
 *
 * - C1 Every rule is compiled when the definition is created, so that a bad rule is refused there and not at use.
 * - C2 A rule with `oldSelf` (a transition rule) is judged only where the old value can be told: not on create, and in
 *   lists only where `x-kubernetes-list-map-keys` say which item is which.
 * - C3 A rule that fails to evaluate refuses the object: errors never count as consent.
 * - C4 What an update leaves as it was is judged by transition rules alone: a definition that became stricter must not
 *   keep anybody from changing the rest of an object.
 */
import type { ParseResult } from '@marcbachmann/cel-js';
import { type FieldError, type FieldErrorType, fieldError } from '../http/field-error.ts';
import { equalJson, isObject } from '../json.ts';
import { celEnvironment } from './cel-environment.ts';
import { celValue } from './cel-value.ts';
import { type FieldPath, pathText } from './field-path.ts';
import type { Schema, ValidationRule } from './schema.ts';

export interface CelValidator {
  readonly hasRules: boolean;
  validate(value: unknown, old: unknown): readonly FieldError[];
}

interface CompiledRule {
  readonly rule: ValidationRule;
  readonly evaluate: ParseResult;
  readonly message: ParseResult | undefined;
  readonly isTransition: boolean;
}

/** A schema with rules somewhere at or below it. */
interface RuleNode {
  readonly schema: Schema;
  readonly rules: readonly CompiledRule[];
  readonly properties: ReadonlyMap<string, RuleNode>;
  readonly items: RuleNode | undefined;
  readonly values: RuleNode | undefined;
}

export interface CelCompilation {
  readonly validator: CelValidator;
  /** What is wrong with the rules, by the path of the schema that holds them. */
  readonly errors: readonly FieldError[];
}

export function compileCel(schema: Schema, at: string): CelCompilation {
  const errors: FieldError[] = [];
  let environment: ReturnType<typeof celEnvironment> | undefined;

  const parse = (text: string, field: string): ParseResult | undefined => {
    environment ??= celEnvironment();
    try {
      const parsed = environment.parse(text);
      const checked = parsed.check();
      if (!checked.valid) throw checked.error ?? new Error('does not type check');
      return parsed;
    } catch (error) {
      const why = error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error);
      errors.push(fieldError.invalid(field, text, `compilation failed: ${why}`));
      return undefined;
    }
  };

  const compileRule = (rule: ValidationRule, field: string): CompiledRule | undefined => {
    const evaluate = parse(rule.rule, `${field}.rule`);
    const message =
      rule.messageExpression === undefined ? undefined : parse(rule.messageExpression, `${field}.messageExpression`);
    if (!evaluate) return undefined;
    return { rule, evaluate, message, isTransition: /\boldSelf\b/.test(rule.rule) };
  };

  const build = (node: Schema, path: string): RuleNode | undefined => {
    const rules = (node['x-kubernetes-validations'] ?? []).flatMap(
      (rule, i) => compileRule(rule, `${path}.x-kubernetes-validations[${i}]`) ?? [],
    );
    const properties = new Map<string, RuleNode>();
    for (const [name, child] of Object.entries(node.properties ?? {})) {
      const built = build(child, `${path}.properties[${name}]`);
      if (built) properties.set(name, built);
    }
    const items = node.items ? build(node.items, `${path}.items`) : undefined;
    const values = isObject(node.additionalProperties)
      ? build(node.additionalProperties as Schema, `${path}.additionalProperties`)
      : undefined;
    if (rules.length === 0 && properties.size === 0 && !items && !values) return undefined;
    return { schema: node, rules, properties, items, values };
  };

  const root = build(schema, at);
  return {
    errors,
    validator: { hasRules: root !== undefined, validate: (value, old) => (root ? judge(root, value, old) : []) },
  };
}

function judge(root: RuleNode, value: unknown, old: unknown): readonly FieldError[] {
  const errors: FieldError[] = [];
  visit(root, value, old, [], errors);
  return errors;
}

function visit(node: RuleNode, value: unknown, old: unknown, path: FieldPath, errors: FieldError[]): void {
  if (value === undefined || value === null) return;
  if (node.rules.length > 0) runRules(node, value, old, path, errors);
  if (Array.isArray(value)) {
    if (!node.items) return;
    const { items } = node;
    value.forEach((item: unknown, i) => {
      path.push(i);
      visit(items, item, correlated(node.schema, item, old), path, errors);
      path.pop();
    });
  } else if (isObject(value)) {
    for (const key of Object.keys(value)) {
      const child = node.properties.get(key) ?? node.values;
      if (!child) continue;
      path.push(key);
      visit(child, value[key], isObject(old) ? old[key] : undefined, path, errors);
      path.pop();
    }
  }
}

/** C2: the old item with the same keys. */
function correlated(schema: Schema, item: unknown, old: unknown): unknown {
  const keys = schema['x-kubernetes-list-map-keys'];
  if (schema['x-kubernetes-list-type'] !== 'map' || !keys || !Array.isArray(old) || !isObject(item)) return undefined;
  return old.find((other) => isObject(other) && keys.every((key) => other[key] === item[key]));
}

function runRules(node: RuleNode, value: unknown, old: unknown, path: FieldPath, errors: FieldError[]): void {
  const isUnchanged = old !== undefined && equalJson(content(value, path), content(old, path)); // C4
  if (isUnchanged && !node.rules.some((rule) => rule.isTransition)) return;
  const self = celValue(node.schema, value);
  const oldSelf = old === undefined ? undefined : celValue(node.schema, old);
  for (const compiled of node.rules) {
    if (compiled.isTransition ? oldSelf === undefined : isUnchanged) continue;
    const context = oldSelf === undefined ? { self } : { self, oldSelf };
    const verdict = evaluate(compiled.evaluate, context);
    if (verdict.value === true) continue;
    errors.push(complaint(compiled, node.schema, path, context, verdict.failure));
  }
}

/** At the root, the metadata is not what rules judge. */
function content(value: unknown, path: FieldPath): unknown {
  if (path.length > 0 || !isObject(value)) return value;
  const { apiVersion: _apiVersion, kind: _kind, metadata: _metadata, ...body } = value;
  return body;
}

function evaluate(expression: ParseResult, context: Record<string, unknown>): { value?: unknown; failure?: string } {
  try {
    return { value: expression(context) as unknown };
  } catch (error) {
    return { failure: error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error) };
  }
}

const reasons: ReadonlySet<string> = new Set<FieldErrorType>([
  'FieldValueInvalid',
  'FieldValueForbidden',
  'FieldValueRequired',
  'FieldValueDuplicate',
]);

function complaint(
  { rule, message }: CompiledRule,
  schema: Schema,
  path: FieldPath,
  context: Record<string, unknown>,
  failure: string | undefined,
): FieldError {
  const said = message ? evaluate(message, context).value : undefined;
  const detail =
    failure !== undefined
      ? `rule evaluation error: ${failure} evaluating rule: ${rule.message ?? rule.rule}`
      : typeof said === 'string' && said.trim() !== ''
        ? said
        : (rule.message ?? `failed rule: ${rule.rule.replaceAll('\n', ' ')}`);
  const type = (
    rule.reason !== undefined && reasons.has(rule.reason) ? rule.reason : 'FieldValueInvalid'
  ) as FieldErrorType;
  return { type, field: `${pathText(path)}${rule.fieldPath ?? ''}`, value: schema.type ?? 'object', detail };
}

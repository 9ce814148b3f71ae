/** A policy, compiled; and what it says of one write. */
import type { ParseResult } from '@marcbachmann/cel-js';
import { type FieldError, fieldError } from '../http/field-error.ts';
import { arrayAt, type JsonObject, objectAt, stringAt } from '../json.ts';
import { compileExpression, expressionEnvironment, firstLine } from './expressions.ts';

interface Validation {
  readonly expression: string;
  readonly run: ParseResult;
  readonly message: string | undefined;
  readonly messageExpression: ParseResult | undefined;
  readonly reason: string;
}

interface Named {
  readonly name: string;
  readonly expression: string;
  readonly run: ParseResult;
  readonly type: string;
}

export interface CompiledPolicy {
  readonly name: string;
  readonly constraints: Readonly<JsonObject>;
  /** What fails to evaluate counts as consent. */
  readonly ignoresFailures: boolean;
  readonly conditions: readonly Named[];
  readonly variables: readonly Named[];
  readonly validations: readonly Validation[];
  /** What is wrong with its expressions. Such a policy is refused, but an older server may have let it in. */
  readonly errors: readonly FieldError[];
}

/** Why a write is denied. */
export interface Denial {
  readonly message: string;
  readonly reason: string;
}

const MAX_MESSAGE_CHARS = 5 * 1024;

export function compilePolicy(policy: Readonly<JsonObject>): CompiledPolicy {
  const spec = objectAt(policy, 'spec') ?? {};
  const errors: FieldError[] = [];
  const declared = new Map<string, string>();
  let environment = expressionEnvironment(declared);

  const compile = (text: string, field: string, type: 'bool' | 'string' | 'any') => {
    if (text.trim() === '') {
      errors.push(fieldError.required(field, 'expression is not specified'));
      return undefined;
    }
    const compiled = compileExpression(environment, text, type);
    if ('run' in compiled) return compiled;
    errors.push(fieldError.invalid(field, text, compiled.problem));
    return undefined;
  };

  const named = (item: unknown, field: string, type: 'bool' | 'any'): readonly Named[] => {
    const expression = stringAt(item, 'expression') ?? '';
    const compiled = compile(expression, `${field}.expression`, type);
    return compiled ? [{ name: stringAt(item, 'name') ?? '', expression, ...compiled }] : [];
  };

  // Conditions decide whether the policy is asked at all: they come before its variables and cannot name them.
  const conditions = arrayAt(spec, 'matchConditions').flatMap((item, i) =>
    named(item, `spec.matchConditions[${i}]`, 'bool'),
  );
  const variables = arrayAt(spec, 'variables').flatMap((item, i) => {
    const found = named(item, `spec.variables[${i}]`, 'any');
    declared.set(stringAt(item, 'name') ?? '', found[0]?.type ?? 'dyn');
    environment = expressionEnvironment(declared); // a variable sees those before it
    return found;
  });
  const validations = arrayAt(spec, 'validations').flatMap((item, i): readonly Validation[] => {
    const field = `spec.validations[${i}]`;
    const expression = stringAt(item, 'expression') ?? '';
    const run = compile(expression, `${field}.expression`, 'bool')?.run;
    const said = stringAt(item, 'messageExpression');
    const messageExpression =
      said === undefined || said === '' ? undefined : compile(said, `${field}.messageExpression`, 'string')?.run;
    const reason = stringAt(item, 'reason') ?? 'Invalid';
    return run ? [{ expression, run, message: stringAt(item, 'message'), messageExpression, reason }] : [];
  });
  arrayAt(spec, 'auditAnnotations').forEach((item, i) => {
    compile(stringAt(item, 'valueExpression') ?? '', `spec.auditAnnotations[${i}].valueExpression`, 'any');
  });
  return {
    name: stringAt(policy, 'metadata', 'name') ?? '',
    constraints: objectAt(spec, 'matchConstraints') ?? {},
    ignoresFailures: stringAt(spec, 'failurePolicy') === 'Ignore',
    conditions,
    variables,
    validations,
    errors,
  };
}

/** Everything that the policy has against a write; empty where it is content or its conditions leave the write out. */
export function judge(policy: CompiledPolicy, activation: Readonly<JsonObject>): readonly Denial[] {
  const failed = (message: string): readonly Denial[] =>
    policy.ignoresFailures ? [] : [{ message, reason: 'Invalid' }];
  const [broken] = policy.errors;
  if (broken) return failed(`${broken.field}: ${broken.detail}`);
  const context = { ...activation, variables: lazyVariables(policy, activation) };

  const conditions = policy.conditions.map((condition) => ({ condition, ...evaluate(condition.run, context) }));
  // A condition that says no outweighs one that fails.
  if (conditions.some(({ value, failure }) => failure === undefined && value !== true)) return [];
  const unclear = conditions.find(({ failure }) => failure !== undefined);
  if (unclear) {
    return failed(`expression '${unclear.condition.expression.trim()}' resulted in error: ${unclear.failure ?? ''}`);
  }
  return policy.validations.flatMap((validation): readonly Denial[] => {
    const { value, failure } = evaluate(validation.run, context);
    if (failure !== undefined) {
      return failed(`expression '${validation.expression.trim()}' resulted in error: ${failure}`);
    }
    return value === true ? [] : [{ message: messageOf(validation, context), reason: validation.reason }];
  });
}

/** Each is computed when first asked for, once; what it throws is thrown to whoever asked. */
function lazyVariables({ variables }: CompiledPolicy, activation: Readonly<JsonObject>): JsonObject {
  const made: JsonObject = {};
  const context = { ...activation, variables: made };
  for (const { name, run } of variables) {
    let known: { readonly value: unknown } | undefined;
    Object.defineProperty(made, name, {
      enumerable: true,
      get: () => {
        known ??= { value: run(context) as unknown };
        return known.value;
      },
    });
  }
  return made;
}

function evaluate(run: ParseResult, context: JsonObject): { readonly value?: unknown; readonly failure?: string } {
  try {
    return { value: run(context) as unknown };
  } catch (error) {
    return { failure: firstLine(error) };
  }
}

function messageOf({ expression, message, messageExpression }: Validation, context: JsonObject): string {
  const said = messageExpression ? evaluate(messageExpression, context).value : undefined;
  if (typeof said === 'string' && said.trim() !== '' && !said.includes('\n') && said.length <= MAX_MESSAGE_CHARS) {
    return said.trim();
  }
  return message ?? `failed expression: ${expression.trim()}`;
}

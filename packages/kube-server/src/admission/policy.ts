/** A policy, compiled; and what it says of one write. */
import { type FieldError, fieldError } from '../http/field-error.ts';
import { arrayAt, isObject, type JsonObject, objectAt, stringAt } from '../json.ts';
import type { Checked } from '../schema/cel/checker.ts';
import type { Variables } from '../schema/cel/evaluate.ts';
import { createWorkBudget, RUNTIME_BUDGET } from '../schema/cel/meter.ts';
import { type CelType, DYN } from '../schema/cel/types.ts';
import { CelError, type CelValue, map } from '../schema/cel/values.ts';
import {
  compileExpression,
  expressionNames,
  type Outcome,
  type PolicyBudget,
  policyValue,
  runExpression,
} from './expressions.ts';

interface Validation {
  readonly expression: string;
  readonly run: Checked;
  readonly message: string | undefined;
  readonly messageExpression: Checked | undefined;
  readonly reason: string;
}

interface Named {
  readonly name: string;
  readonly expression: string;
  readonly run: Checked;
  readonly type: CelType;
}

interface Annotation {
  readonly expression: string;
  readonly run: Checked;
}

export interface CompiledPolicy {
  readonly name: string;
  readonly constraints: Readonly<JsonObject>;
  /** The kind of the parameters, where the policy has any. */
  readonly paramKind: { readonly apiVersion: string; readonly kind: string } | undefined;
  /** What fails to evaluate counts as consent. */
  readonly ignoresFailures: boolean;
  readonly conditions: readonly Named[];
  readonly variables: readonly Named[];
  readonly validations: readonly Validation[];
  readonly annotations: readonly Annotation[];
  /** What is wrong with its expressions. Such a policy is refused, but an older server may have let it in. */
  readonly errors: readonly FieldError[];
}

/** Why a write is denied. */
export interface Denial {
  readonly message: string;
  readonly reason: string;
  /** Also where the binding only warns. */
  readonly isForced?: true;
}

const MAX_MESSAGE_BYTES = 5 * 1024;
const MAX_ANNOTATION_BYTES = 5 * 1024;

type Kinds = Parameters<typeof compileExpression>[2];

/** `objects`: the type of the objects, where it is known; then errors are what is wrong with the policy for them. */
export function compilePolicy(policy: Readonly<JsonObject>, objects: CelType = DYN): CompiledPolicy {
  const spec = objectAt(policy, 'spec') ?? {};
  const errors: FieldError[] = [];
  const declared = new Map<string, CelType>();
  const hasParams = isObject(spec.paramKind);
  const hasVariables = arrayAt(spec, 'variables').length > 0;
  const options = { hasParams, hasVariables, objects };

  const compile = (text: string, field: string, types: Kinds, required = 'expression is not specified') => {
    if (text.trim() === '') {
      errors.push(fieldError.required(field, required));
      return undefined;
    }
    const compiled = compileExpression(expressionNames(declared, options), text, types);
    if ('run' in compiled) return compiled;
    errors.push(fieldError.invalid(field, text, compiled.problem));
    return undefined;
  };

  const named = (item: unknown, field: string, types: Kinds, required?: string): readonly Named[] => {
    const expression = stringAt(item, 'expression') ?? '';
    const compiled = compile(expression, `${field}.expression`, types, required);
    return compiled ? [{ name: stringAt(item, 'name') ?? '', expression, ...compiled }] : [];
  };

  // Conditions decide whether the policy is asked at all: they come before its variables and cannot name them.
  const conditions = arrayAt(spec, 'matchConditions').flatMap((item, i) =>
    named(item, `spec.matchConditions[${i}]`, ['bool'], ''),
  );
  const variables = arrayAt(spec, 'variables').flatMap((item, i) => {
    const found = named(item, `spec.variables[${i}]`, []);
    declared.set(stringAt(item, 'name') ?? '', found[0]?.type ?? DYN); // a variable sees those before it
    return found;
  });
  const validations = arrayAt(spec, 'validations').flatMap((item, i): readonly Validation[] => {
    const field = `spec.validations[${i}]`;
    const expression = stringAt(item, 'expression') ?? '';
    const run = compile(expression, `${field}.expression`, ['bool'])?.run;
    const said = stringAt(item, 'messageExpression') ?? '';
    const messageExpression =
      said.trim() === '' ? undefined : compile(said, `${field}.messageExpression`, ['string'])?.run;
    const reason = stringAt(item, 'reason') ?? 'Invalid';
    return run ? [{ expression, run, message: stringAt(item, 'message'), messageExpression, reason }] : [];
  });
  const annotations = arrayAt(spec, 'auditAnnotations').flatMap((item, i): readonly Annotation[] => {
    const expression = stringAt(item, 'valueExpression') ?? '';
    const field = `spec.auditAnnotations[${i}].valueExpression`;
    if (Buffer.byteLength(expression.trim()) > MAX_ANNOTATION_BYTES) {
      errors.push(fieldError.required(field, `must not exceed ${MAX_ANNOTATION_BYTES} bytes in length`));
      return [];
    }
    const run = compile(expression, field, ['string', 'null'], 'valueExpression is not specified')?.run;
    return run ? [{ expression, run }] : [];
  });
  return {
    name: stringAt(policy, 'metadata', 'name') ?? '',
    constraints: objectAt(spec, 'matchConstraints') ?? {},
    paramKind: hasParams
      ? { apiVersion: stringAt(spec, 'paramKind', 'apiVersion') ?? '', kind: stringAt(spec, 'paramKind', 'kind') ?? '' }
      : undefined,
    ignoresFailures: stringAt(spec, 'failurePolicy') === 'Ignore',
    conditions,
    variables,
    validations,
    annotations,
    errors,
  };
}

/**
 * Everything that the policy has against a write; empty where it is content or its conditions leave the write out.
 * `params`: the object that a binding gives, null for none.
 */
export function judge(
  policy: CompiledPolicy,
  activation: Variables,
  params: Readonly<JsonObject> | null = null,
): readonly Denial[] {
  const failed = (message: string): readonly Denial[] =>
    policy.ignoresFailures ? [] : [{ message, reason: 'Invalid' }];
  const [broken] = policy.errors;
  if (broken) return failed(`${broken.field}: ${broken.detail}`);
  const budget: PolicyBudget = { left: RUNTIME_BUDGET, work: createWorkBudget() };
  const given = policyValue(params);
  const outer: Variables = (name) => (name === 'params' && policy.paramKind ? given : activation(name));
  const variables = lazyVariables(policy, outer, budget);
  const run = (checked: Checked): Outcome => runExpression(checked, variables, budget);
  const resulted = (expression: string, { failure = '' }: Outcome): string =>
    `expression '${expression.trim()}' resulted in error: ${failure}`;

  const conditions = policy.conditions.map((condition) => ({ condition, outcome: run(condition.run) }));
  // A condition that says no outweighs one that fails.
  if (conditions.some(({ outcome }) => outcome.failure === undefined && outcome.value !== true)) return [];
  const unclear = conditions.find(({ outcome }) => outcome.failure !== undefined);
  if (unclear) return failed(resulted(unclear.condition.expression, unclear.outcome));
  const denials: Denial[] = [];
  for (const validation of policy.validations) {
    const outcome = run(validation.run);
    if (outcome.isOutOfBudget) {
      return failed('validation failed due to running out of cost budget, no further validation rules will be run');
    }
    if (outcome.failure !== undefined) denials.push(...failed(resulted(validation.expression, outcome)));
    else if (outcome.value !== true) denials.push({ message: messageOf(validation, run), reason: validation.reason });
  }
  for (const annotation of policy.annotations) {
    const outcome = run(annotation.run);
    if (outcome.failure === undefined || policy.ignoresFailures) continue;
    denials.push({ message: resulted(annotation.expression, outcome), reason: 'Invalid', isForced: true });
  }
  return denials;
}

/** Each is computed when first asked for, once; what it throws is thrown to whoever asked. */
function lazyVariables({ variables }: CompiledPolicy, outer: Variables, budget: PolicyBudget): Variables {
  const entries = new Map<string, readonly [CelValue, CelValue]>();
  const known = new Map<string, Outcome>();
  const names: Variables = (name) => (name === 'variables' ? all : outer(name));
  const compute = (variable: Named): CelValue => {
    const outcome = known.get(variable.name) ?? runExpression(variable.run, names, budget);
    known.set(variable.name, outcome);
    if (outcome.failure !== undefined) {
      throw new CelError(`composited variable "${variable.name}" fails to evaluate: ${outcome.failure}`);
    }
    return outcome.value ?? null;
  };
  const all: CelValue = { ...map([]), entries };
  for (const variable of variables) {
    const entry: [CelValue, CelValue] = [variable.name, null];
    Object.defineProperty(entry, 1, { enumerable: true, get: () => compute(variable) });
    entries.set(`s${variable.name}`, entry);
  }
  return names;
}

function messageOf({ expression, message, messageExpression }: Validation, run: (checked: Checked) => Outcome): string {
  const value = messageExpression ? run(messageExpression).value : undefined;
  const said = typeof value === 'string' ? value.trim() : '';
  if (said !== '' && !said.includes('\n') && Buffer.byteLength(said) <= MAX_MESSAGE_BYTES) return said;
  return message ? message.trim() : `failed expression: ${expression.trim()}`;
}

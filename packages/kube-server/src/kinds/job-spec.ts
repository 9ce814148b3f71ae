/** What a job may say, as a job and as the template of a CronJob. */
import { type FieldError, fieldError } from '../http/field-error.ts';
import { arrayAt, type JsonObject, objectAt, stringAt, valueAt } from '../json.ts';
import { nameChecks } from '../registry/names.ts';
import { validateTemplate } from './pod-template.ts';
import { nonNegative } from './selector-rules.ts';

const MODES = ['NonIndexed', 'Indexed'];
const MAX_PARALLELISM = 100_000;
const MAX_FAILED_INDEXES = 100_000;
/** Above so many completions the other limits are lower. */
const MANY = 100_000;
const MANY_PARALLELISM = 10_000;
const MANY_FAILED_INDEXES = 10_000;
const MAX_RULES = 20;
const MAX_CODES = 255;
const ACTIONS = ['Count', 'FailIndex', 'FailJob', 'Ignore'];

const isNumber = (value: unknown): value is number => typeof value === 'number';
const quoted = (values: readonly string[]): string => `[${values.map((value) => `"${value}"`).join(' ')}]`;

function validateManager(value: unknown, at: string): readonly FieldError[] {
  if (typeof value !== 'string') return [];
  const [domain, ...path] = value.split('/');
  if (value === '') return [fieldError.required(at)];
  if (path.length === 0 || domain === '' || path.join('/') === '') {
    return [fieldError.invalid(at, value, 'must be a domain-prefixed path (such as "acme.io/foo")')];
  }
  const problem = nameChecks.subdomain(domain ?? '');
  return [
    ...(problem === undefined ? [] : [fieldError.invalid(at, domain, problem)]),
    ...(value.length > 63 ? [fieldError.tooLong(at, 63)] : []),
  ];
}

function validateIndexed(spec: Readonly<JsonObject>, at: string): readonly FieldError[] {
  const { completions, parallelism, maxFailedIndexes: failed, backoffLimitPerIndex: perIndex } = spec;
  const found: FieldError[] = [];
  const most = (field: string, value: unknown, limit: number, when: string): void => {
    if (!isNumber(value) || value <= limit) return;
    found.push(fieldError.invalid(`${at}.${field}`, value, `must be less than or equal to ${limit}${when}`));
  };
  if (completions === undefined) {
    found.push(fieldError.required(`${at}.completions`, 'when completion mode is Indexed'));
  }
  most('parallelism', parallelism, MAX_PARALLELISM, ' when completion mode is Indexed');
  if (isNumber(completions) && isNumber(failed) && failed > completions) {
    found.push(fieldError.invalid(`${at}.maxFailedIndexes`, failed, 'must be less than or equal to completions'));
  }
  most('maxFailedIndexes', failed, MAX_FAILED_INDEXES, '');
  if (!isNumber(completions) || completions <= MANY || perIndex === undefined) return found;
  const many = ` when completions are above ${MANY} and used with backoff limit per index`;
  if (failed === undefined) {
    found.push(fieldError.required(`${at}.maxFailedIndexes`, `must be specified when completions is above ${MANY}`));
  }
  most('parallelism', parallelism, MANY_PARALLELISM, many);
  most('maxFailedIndexes', failed, MANY_FAILED_INDEXES, many);
  return found;
}

function validateMode(spec: Readonly<JsonObject>, at: string): readonly FieldError[] {
  const { completionMode: mode } = spec;
  if (mode === 'Indexed') return validateIndexed(spec, at);
  if (mode !== undefined && mode !== 'NonIndexed') {
    return [fieldError.notSupported(`${at}.completionMode`, mode, MODES)];
  }
  return ['backoffLimitPerIndex', 'maxFailedIndexes'].flatMap((field) =>
    spec[field] === undefined
      ? []
      : [fieldError.invalid(`${at}.${field}`, spec[field], 'requires indexed completion mode')],
  );
}

function validateExitCodes(codes: JsonObject, names: readonly string[], at: string): readonly FieldError[] {
  const found: FieldError[] = [];
  const { operator, containerName } = codes;
  if (operator === undefined || operator === '') {
    found.push(fieldError.required(`${at}.operator`, `valid values: ${quoted(['In', 'NotIn'])}`));
  } else if (operator !== 'In' && operator !== 'NotIn') {
    found.push(fieldError.notSupported(`${at}.operator`, operator, ['In', 'NotIn']));
  }
  if (typeof containerName === 'string' && !names.includes(containerName)) {
    const why = 'must be one of the container or initContainer names in the pod template';
    found.push(fieldError.invalid(`${at}.containerName`, containerName, why));
  }
  const values = arrayAt(codes, 'values');
  if (values.length === 0) found.push(fieldError.invalid(`${at}.values`, null, 'at least one value is required'));
  else if (values.length > MAX_CODES) found.push(fieldError.tooMany(`${at}.values`, values.length, MAX_CODES));
  values.forEach((value, i) => {
    if (operator === 'In' && value === 0) {
      found.push(fieldError.invalid(`${at}.values[${i}]`, value, 'must not be 0 for the In operator'));
    }
    if (values.indexOf(value) < i) found.push(fieldError.duplicate(`${at}.values[${i}]`, value));
  });
  const isOrdered = values.every((value, i) => i === 0 || Number(values[i - 1]) <= Number(value));
  return isOrdered ? found : [...found, fieldError.invalid(`${at}.values`, values, 'must be ordered')];
}

function validateFailureRule(
  rule: unknown,
  spec: Readonly<JsonObject>,
  names: readonly string[],
  at: string,
): readonly FieldError[] {
  const found: FieldError[] = [];
  const action = stringAt(rule, 'action') ?? '';
  if (action === '') found.push(fieldError.required(`${at}.action`, `valid values: ${quoted(ACTIONS)}`));
  else if (!ACTIONS.includes(action)) found.push(fieldError.notSupported(`${at}.action`, action, ACTIONS));
  else if (action === 'FailIndex' && spec.backoffLimitPerIndex === undefined) {
    found.push(fieldError.invalid(`${at}.action`, action, 'requires the backoffLimitPerIndex to be set'));
  }
  const codes = objectAt(rule, 'onExitCodes');
  const conditions = arrayAt(rule, 'onPodConditions');
  if (codes) found.push(...validateExitCodes(codes, names, `${at}.onExitCodes`));
  conditions.forEach((pattern, i) => {
    const status = stringAt(pattern, 'status') ?? '';
    if (['False', 'True', 'Unknown'].includes(status)) return;
    found.push(fieldError.notSupported(`${at}.onPodConditions[${i}].status`, status, ['False', 'True', 'Unknown']));
  });
  if (codes && conditions.length > 0) {
    found.push(fieldError.unshown(at, 'specifying both OnExitCodes and OnPodConditions is not supported'));
  }
  if (!codes && conditions.length === 0) {
    found.push(fieldError.unshown(at, 'specifying one of OnExitCodes and OnPodConditions is required'));
  }
  return found;
}

function validateFailurePolicy(spec: Readonly<JsonObject>, at: string): readonly FieldError[] {
  const rules = arrayAt(spec, 'podFailurePolicy', 'rules');
  const containers = ['containers', 'initContainers'].flatMap((field) => arrayAt(spec, 'template', 'spec', field));
  const names = containers.map((container) => stringAt(container, 'name') ?? '');
  return [
    ...(rules.length > MAX_RULES ? [fieldError.tooMany(`${at}.rules`, rules.length, MAX_RULES)] : []),
    ...rules.flatMap((rule, i) => validateFailureRule(rule, spec, names, `${at}.rules[${i}]`)),
  ];
}

function validateSuccessPolicy(spec: Readonly<JsonObject>, at: string): readonly FieldError[] {
  const policy = objectAt(spec, 'successPolicy');
  if (!policy) return [];
  if (spec.completionMode !== 'Indexed') {
    const told = { Rules: policy.rules ?? null };
    return [fieldError.invalid(at, told, 'requires indexed completion mode')];
  }
  const rules = arrayAt(policy, 'rules');
  if (rules.length === 0) {
    const why = 'at least one rules must be specified when the successPolicy is specified';
    return [fieldError.required(`${at}.rules`, why)];
  }
  return rules.flatMap((rule, i) => {
    const place = `${at}.rules[${i}]`;
    const count = valueAt(rule, 'succeededCount');
    if (count === undefined && valueAt(rule, 'succeededIndexes') === undefined) {
      const why = 'at least one of succeededCount or succeededIndexes must be specified';
      return [fieldError.required(place, why)];
    }
    const found = [...nonNegative(rule, place, ['succeededCount'])];
    if (isNumber(count) && isNumber(spec.completions) && count > spec.completions) {
      const why = `must be less than or equal to ${spec.completions} (the number of specified completions)`;
      found.push(fieldError.invalid(`${place}.succeededCount`, count, why));
    }
    return found;
  });
}

function validateReplacement(spec: Readonly<JsonObject>, at: string): readonly FieldError[] {
  const { podReplacementPolicy: policy } = spec;
  const allowed = spec.podFailurePolicy === undefined ? ['Failed', 'TerminatingOrFailed'] : ['Failed'];
  return policy === undefined || allowed.some((known) => known === policy)
    ? []
    : [fieldError.notSupported(at, policy, allowed)];
}

function validateRestart(spec: Readonly<JsonObject>, at: string): readonly FieldError[] {
  const policy = stringAt(spec, 'template', 'spec', 'restartPolicy') ?? '';
  if (policy === 'Always' || policy === '') return [fieldError.required(at, 'valid values: "OnFailure", "Never"')];
  if (policy !== 'OnFailure' || spec.podFailurePolicy === undefined) return []; // others are judged by the schema
  const why = 'only "Never" is supported when podFailurePolicy is specified';
  return [fieldError.invalid(at, policy, why)];
}

export function validateJobSpec(spec: Readonly<JsonObject>, at: string): readonly FieldError[] {
  return [
    ...nonNegative(spec, at, [
      'parallelism',
      'completions',
      'activeDeadlineSeconds',
      'backoffLimit',
      'ttlSecondsAfterFinished',
      'backoffLimitPerIndex',
      'maxFailedIndexes',
    ]),
    ...(spec.maxFailedIndexes !== undefined && spec.backoffLimitPerIndex === undefined
      ? [fieldError.required(`${at}.backoffLimitPerIndex`, 'when maxFailedIndexes is specified')]
      : []),
    ...validateManager(spec.managedBy, `${at}.managedBy`),
    ...validateMode(spec, at),
    ...validateFailurePolicy(spec, `${at}.podFailurePolicy`),
    ...validateSuccessPolicy(spec, `${at}.successPolicy`),
    ...validateReplacement(spec, `${at}.podReplacementPolicy`),
    ...validateTemplate(objectAt(spec, 'template'), `${at}.template`),
    ...validateRestart(spec, `${at}.template.spec.restartPolicy`),
  ];
}

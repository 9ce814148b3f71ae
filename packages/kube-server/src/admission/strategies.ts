/** What is special about policies and bindings: they are refused unless this server can carry out all that they say. */
import { type FieldError, fieldError } from '../http/field-error.ts';
import { arrayAt, equalJson, isObject, type JsonObject, objectAt, stringAt, valueAt } from '../json.ts';
import type { Strategy } from '../registry/definition.ts';
import { nameChecks } from '../registry/names.ts';
import { checkLabelSelector } from './label-selector.ts';
import { compilePolicy } from './policy.ts';

function checkRules(constraints: Readonly<JsonObject>, field: string, at: string): readonly FieldError[] {
  const found: FieldError[] = [];
  arrayAt(constraints, field).forEach((rule, i) => {
    const place = `${at}.${field}[${i}]`;
    for (const list of ['apiGroups', 'apiVersions', 'operations', 'resources']) {
      const values = arrayAt(rule, list);
      if (values.length === 0) found.push(fieldError.required(`${place}.${list}`));
      if (list !== 'resources' && values.length > 1 && values.includes('*')) {
        found.push(fieldError.invalid(`${place}.${list}`, values, "if '*' is present, must not specify other values"));
      }
    }
    arrayAt(rule, 'operations').forEach((operation, k) => {
      if (operation !== 'CONNECT') return;
      const why = 'CONNECT is not supported by this server: policies are asked about CREATE, UPDATE and DELETE';
      found.push(fieldError.forbidden(`${place}.operations[${k}]`, why));
    });
    arrayAt(rule, 'resources').forEach((resource, k) => {
      if (/^(\*|[a-z0-9-]+)(\/(\*|[a-z0-9-]+))?$/.test(String(resource))) return;
      found.push(
        fieldError.invalid(`${place}.resources[${k}]`, resource, 'must be a resource, resource/subresource or *'),
      );
    });
  });
  return found;
}

function checkMatchResources(constraints: Readonly<JsonObject>, at: string): readonly FieldError[] {
  return [
    ...['namespaceSelector', 'objectSelector'].flatMap((field) => {
      const selector = objectAt(constraints, field);
      return selector ? checkLabelSelector(selector, `${at}.${field}`) : [];
    }),
    ...checkRules(constraints, 'resourceRules', at),
    ...checkRules(constraints, 'excludeResourceRules', at),
  ];
}

function checkNames(spec: Readonly<JsonObject>, field: string, problemOf: (name: string) => string | undefined) {
  const seen = new Set<string>();
  return arrayAt(spec, field).flatMap((item, i): readonly FieldError[] => {
    const at = `spec.${field}[${i}].name`;
    const name = stringAt(item, 'name') ?? '';
    const isDuplicate = seen.has(name);
    seen.add(name);
    if (name === '') return [fieldError.required(at)];
    if (isDuplicate) return [fieldError.duplicate(at, name)];
    const problem = problemOf(name);
    return problem === undefined ? [] : [fieldError.invalid(at, name, problem)];
  });
}

function checkMessages(spec: Readonly<JsonObject>): readonly FieldError[] {
  return arrayAt(spec, 'validations').flatMap((validation, i) => {
    const at = `spec.validations[${i}].message`;
    const message = stringAt(validation, 'message');
    if (message === undefined) {
      const isLong = (stringAt(validation, 'expression') ?? '').trim().includes('\n');
      return isLong ? [fieldError.required(at, 'message must be specified if expression contains line breaks')] : [];
    }
    if (message.trim() === '') return [fieldError.invalid(at, message, 'message must be non-empty if specified')];
    return message.trim().includes('\n')
      ? [fieldError.invalid(at, message, 'message must not contain line breaks')]
      : [];
  });
}

function checkPolicy(policy: Readonly<JsonObject>): readonly FieldError[] {
  const spec = objectAt(policy, 'spec') ?? {};
  const constraints = objectAt(spec, 'matchConstraints');
  const found: FieldError[] = [];
  if (isObject(spec.paramKind)) {
    const why = 'parameters are not supported by this server: write the values into the expressions';
    found.push(fieldError.forbidden('spec.paramKind', why));
  }
  if (!constraints) found.push(fieldError.required('spec.matchConstraints'));
  else {
    if (arrayAt(constraints, 'resourceRules').length === 0) {
      found.push(fieldError.required('spec.matchConstraints.resourceRules'));
    }
    found.push(...checkMatchResources(constraints, 'spec.matchConstraints'));
  }
  if (arrayAt(spec, 'validations').length === 0 && arrayAt(spec, 'auditAnnotations').length === 0) {
    const why = 'validations or auditAnnotations must contain at least one item';
    found.push(fieldError.required('spec.validations', why), fieldError.required('spec.auditAnnotations', why));
  }
  const isIdentifier = (name: string): string | undefined =>
    /^[A-Za-z_][A-Za-z0-9_]*$/.test(name) ? undefined : 'name is not a valid CEL identifier';
  found.push(...checkNames(spec, 'matchConditions', nameChecks.qualified));
  found.push(...checkNames(spec, 'variables', isIdentifier));
  found.push(...checkMessages(spec));
  return [...found, ...compilePolicy(policy).errors];
}

/** Expressions that do not compile are refused, so there is nothing left to warn about. */
const statusFor = (generation: number): JsonObject => ({ observedGeneration: generation, typeChecking: {} });

export const policyStrategy: Strategy = {
  prepareCreate: (draft) => {
    draft.status = statusFor(1);
  },
  prepareUpdate: (draft, current) => {
    const generation = Number(valueAt(current, 'metadata', 'generation') ?? 1);
    draft.status = equalJson(draft.spec, current.spec) ? current.status : statusFor(generation + 1);
  },
  validate: checkPolicy,
};

function checkBinding(binding: Readonly<JsonObject>): readonly FieldError[] {
  const spec = objectAt(binding, 'spec') ?? {};
  const found: FieldError[] = [];
  if ((stringAt(spec, 'policyName') ?? '') === '') found.push(fieldError.required('spec.policyName'));
  if (isObject(spec.paramRef)) {
    found.push(fieldError.forbidden('spec.paramRef', 'parameters are not supported by this server'));
  }
  const actions = arrayAt(spec, 'validationActions');
  if (actions.length === 0)
    found.push(fieldError.required('spec.validationActions', 'at least one validation action is required'));
  actions.forEach((action, i) => {
    if (actions.indexOf(action) < i) found.push(fieldError.duplicate(`spec.validationActions[${i}]`, action));
  });
  if (actions.includes('Deny') && actions.includes('Warn')) {
    const why = 'must not contain both Deny and Warn (repeating the same validation failure information is redundant)';
    found.push(fieldError.invalid('spec.validationActions', actions, why));
  }
  const resources = objectAt(spec, 'matchResources');
  if (resources) found.push(...checkMatchResources(resources, 'spec.matchResources'));
  return found;
}

export const policyBindingStrategy: Strategy = { validate: checkBinding };

/** What is special about policies and bindings: they are refused unless this server can carry out all that they say. */
import { type FieldError, fieldError } from '../http/field-error.ts';
import { arrayAt, equalJson, type JsonObject, objectAt, stringAt, valueAt } from '../json.ts';
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
  return arrayAt(spec, 'validations').flatMap((validation, i): readonly FieldError[] => {
    const at = `spec.validations[${i}]`;
    const found: FieldError[] = [];
    const expression = stringAt(validation, 'messageExpression') ?? '';
    if (expression !== '' && expression.trim() === '') {
      found.push(fieldError.invalid(`${at}.messageExpression`, expression, 'must be non-empty if specified'));
    }
    const message = stringAt(validation, 'message') ?? '';
    if (message !== '' && message.trim() === '') {
      found.push(fieldError.invalid(`${at}.message`, message, 'must be non-empty if specified'));
    } else if (/[\n\r]/.test(message.trim())) {
      found.push(fieldError.invalid(`${at}.message`, message, 'must not contain line breaks'));
    }
    return found;
  });
}

function checkParamKind(spec: Readonly<JsonObject>): readonly FieldError[] {
  const paramKind = objectAt(spec, 'paramKind');
  if (!paramKind) return [];
  const at = 'spec.paramKind';
  const apiVersion = stringAt(paramKind, 'apiVersion') ?? '';
  const kind = stringAt(paramKind, 'kind') ?? '';
  const found: FieldError[] = [];
  if (apiVersion === '') found.push(fieldError.required(`${at}.apiVersion`));
  else if (apiVersion.split('/').length > 2) {
    found.push(fieldError.invalid(`${at}.apiVersion`, apiVersion, `unexpected GroupVersion string: ${apiVersion}`));
  } else {
    const version = apiVersion.split('/').at(-1) ?? '';
    const problem = version === '' ? 'version must be specified' : nameChecks.label1035(version);
    if (problem) found.push(fieldError.invalid(`${at}.apiVersion`, version === '' ? apiVersion : version, problem));
  }
  const wrongKind = nameChecks.label1035(kind.toLowerCase());
  if (kind === '') found.push(fieldError.required(`${at}.kind`));
  else if (wrongKind) {
    const why = `may have mixed case, but should otherwise match: ${wrongKind}`;
    found.push(fieldError.invalid(`${at}.kind`, kind, why));
  }
  return found;
}

const MAX_ANNOTATIONS = 20;

function checkAnnotations(policy: Readonly<JsonObject>): readonly FieldError[] {
  const name = stringAt(policy, 'metadata', 'name') ?? '';
  const annotations = arrayAt(policy, 'spec', 'auditAnnotations');
  const found: FieldError[] = [];
  if (annotations.length > MAX_ANNOTATIONS) {
    const why = `must not have more than ${MAX_ANNOTATIONS} auditAnnotations`;
    found.push(fieldError.invalid('spec.auditAnnotations', annotations, why));
  }
  const seen = new Set<string>();
  annotations.forEach((annotation, i) => {
    const key = stringAt(annotation, 'key') ?? '';
    const at = `spec.auditAnnotations[${i}].key`;
    const problem = nameChecks.qualified(`${name}/${key}`);
    if (problem) found.push(fieldError.invalid(at, `${name}/${key}`, problem));
    if (seen.has(key)) found.push(fieldError.duplicate(at, key));
    seen.add(key);
  });
  return found;
}

function checkPolicy(policy: Readonly<JsonObject>): readonly FieldError[] {
  const spec = objectAt(policy, 'spec') ?? {};
  const constraints = objectAt(spec, 'matchConstraints');
  const found: FieldError[] = [];
  found.push(...checkParamKind(spec));
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
    /^[A-Za-z_][A-Za-z0-9_]*$/.test(name) ? undefined : 'must be a valid CEL identifier';
  found.push(...checkNames(spec, 'matchConditions', nameChecks.qualified));
  found.push(...checkNames(spec, 'variables', isIdentifier));
  found.push(...checkMessages(spec), ...checkAnnotations(policy));
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

function checkParamRef(spec: Readonly<JsonObject>): readonly FieldError[] {
  const paramRef = objectAt(spec, 'paramRef');
  if (!paramRef) return [];
  const at = 'spec.paramRef';
  const found: FieldError[] = [];
  const name = stringAt(paramRef, 'name') ?? '';
  const selector = objectAt(paramRef, 'selector');
  const exclusive = 'name and selector are mutually exclusive';
  if (name !== '') {
    const problem = nameChecks.pathSegment(name);
    if (problem) found.push(fieldError.invalid(`${at}.name`, name, problem));
    if (selector) found.push(fieldError.forbidden(`${at}.name`, exclusive));
  }
  if (selector) {
    found.push(...checkLabelSelector(selector, `${at}.selector`));
    if (name !== '') found.push(fieldError.forbidden(`${at}.selector`, exclusive));
  }
  if (name === '' && !selector) found.push(fieldError.required(at, 'one of name or selector must be specified'));
  const action = stringAt(paramRef, 'parameterNotFoundAction') ?? '';
  if (action === '') found.push(fieldError.required(`${at}.parameterNotFoundAction`));
  else if (action !== 'Deny' && action !== 'Allow') {
    found.push(fieldError.notSupported(`${at}.parameterNotFoundAction`, action, ['Deny', 'Allow']));
  }
  return found;
}

function checkBinding(binding: Readonly<JsonObject>): readonly FieldError[] {
  const spec = objectAt(binding, 'spec') ?? {};
  const found: FieldError[] = [];
  if ((stringAt(spec, 'policyName') ?? '') === '') found.push(fieldError.required('spec.policyName'));
  found.push(...checkParamRef(spec));
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

/** The expressions of policies: what they may name, how they are compiled, and what they are given. */
import type { Environment, ParseResult } from '@marcbachmann/cel-js';
import type { JsonObject } from '../json.ts';
import { celFunctions } from '../schema/cel-environment.ts';
import { celValue } from '../schema/cel-value.ts';
import type { AdmissionRequest } from './request.ts';

const groupKind = { group: 'string', version: 'string', kind: 'string' };
const groupResource = { group: 'string', version: 'string', resource: 'string' };

/** What `request` holds; naming anything else is an error when the policy is created. */
const requestSchema = {
  kind: groupKind,
  resource: groupResource,
  subResource: 'string',
  requestKind: groupKind,
  requestResource: groupResource,
  requestSubResource: 'string',
  name: 'string',
  namespace: 'string',
  operation: 'string',
  userInfo: { username: 'string', uid: 'string', groups: 'list<string>', extra: 'dyn' },
  dryRun: 'bool',
  options: 'dyn',
};

/** The names of an expression; `variables` are those declared before it, with the types of their expressions. */
export function expressionEnvironment(variables: ReadonlyMap<string, string>): Environment {
  return celFunctions()
    .registerVariable('object', 'dyn')
    .registerVariable('oldObject', 'dyn')
    .registerVariable('namespaceObject', 'dyn')
    .registerVariable({ name: 'request', schema: requestSchema })
    .registerVariable({ name: 'variables', schema: Object.fromEntries(variables) });
}

export type Compiled = { readonly run: ParseResult; readonly type: string } | { readonly problem: string };

/** `type`: what the expression must give. As in Kubernetes, one whose type cannot be told is refused too. */
export function compileExpression(environment: Environment, text: string, type: 'bool' | 'string' | 'any'): Compiled {
  try {
    const run = environment.parse(text);
    const checked = run.check();
    if (!checked.valid) return { problem: `compilation failed: ${firstLine(checked.error ?? 'does not type check')}` };
    const given = checked.type ?? 'dyn';
    if (type !== 'any' && given !== type) return { problem: `must evaluate to ${type} but got ${given}` };
    return { run, type: given };
  } catch (error) {
    return { problem: `compilation failed: ${firstLine(error)}` };
  }
}

export const firstLine = (error: unknown): string => {
  const line = (error instanceof Error ? error.message : String(error)).split('\n')[0] ?? '';
  return line.replace(/^No such key/, 'no such key');
};

/** What the expressions of a policy are evaluated with, without its variables. */
export function activationOf(
  request: AdmissionRequest,
  original: AdmissionRequest,
  namespace: Readonly<JsonObject> | undefined,
): Readonly<JsonObject> {
  // Without schemas: in a policy, times are strings and names are not escaped, as Kubernetes has it.
  const value = (json: unknown): unknown => celValue(undefined, json ?? null);
  return {
    object: value(request.object),
    oldObject: value(request.oldObject),
    namespaceObject: value(request.definition.namespaced ? namespace : undefined),
    request: describe(request, original),
  };
}

function describe(request: AdmissionRequest, original: AdmissionRequest): JsonObject {
  const { subresource, name, namespace, context } = request;
  const kindOf = ({ kind, definition }: AdmissionRequest): JsonObject => {
    const { group, version, kind: own } = kind ?? definition;
    return { group, version, kind: own };
  };
  const resourceOf = ({ definition: { group, version, plural } }: AdmissionRequest): JsonObject => ({
    group,
    version,
    resource: plural,
  });
  return {
    kind: kindOf(request),
    resource: resourceOf(request),
    requestKind: kindOf(original),
    requestResource: resourceOf(original),
    // As in Kubernetes, what is empty is absent: expressions ask with has().
    ...(subresource === undefined ? {} : { subResource: subresource, requestSubResource: subresource }),
    ...(name === '' ? {} : { name }),
    ...(namespace === undefined ? {} : { namespace }),
    operation: request.operation,
    userInfo: { username: context.user.username, groups: [...context.user.groups] },
    dryRun: context.dryRun,
  };
}

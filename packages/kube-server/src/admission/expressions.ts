/** The expressions of policies: what they may name, how they are compiled, and what they are given. */
import type { JsonObject } from '../json.ts';
import type { Checked } from '../schema/cel/checker.ts';
import { compile } from '../schema/cel/compile.ts';
import { evaluate, type Variables } from '../schema/cel/evaluate.ts';
import { CostExceeded, createMeter, PER_CALL_LIMIT, type WorkBudget } from '../schema/cel/meter.ts';
import { BOOL, type CelType, DYN, listOf, mapOf, objectType, STRING, typeText } from '../schema/cel/types.ts';
import { CelError, type CelValue } from '../schema/cel/values.ts';
import { celValue } from '../schema/cel-value.ts';
import type { AdmissionRequest } from './request.ts';

const object = (name: string, fields: Readonly<Record<string, CelType>>): CelType =>
  objectType(name, new Map(Object.entries(fields)));

const groupKind = object('kubernetes.GroupVersionKind', { group: STRING, version: STRING, kind: STRING });
const groupResource = object('kubernetes.GroupVersionResource', { group: STRING, version: STRING, resource: STRING });

/** What `request` holds; naming anything else is an error when the policy is created. */
const requestType = object('kubernetes.AdmissionRequest', {
  kind: groupKind,
  resource: groupResource,
  subResource: STRING,
  requestKind: groupKind,
  requestResource: groupResource,
  requestSubResource: STRING,
  name: STRING,
  namespace: STRING,
  operation: STRING,
  userInfo: object('kubernetes.UserInfo', {
    username: STRING,
    uid: STRING,
    groups: listOf(STRING),
    extra: mapOf(STRING, listOf(STRING)),
  }),
  dryRun: BOOL,
  options: DYN,
});

const texts = mapOf(STRING, STRING);

const namespaceType = object('kubernetes.Namespace', {
  metadata: object('kubernetes.NamespaceMetadata', {
    name: STRING,
    generateName: STRING,
    namespace: STRING,
    labels: texts,
    annotations: texts,
    UID: STRING,
    creationTimestamp: { kind: 'timestamp' },
    deletionGracePeriodSeconds: { kind: 'int' },
    deletionTimestamp: { kind: 'timestamp' },
    generation: { kind: 'int' },
    resourceVersion: STRING,
    finalizers: listOf(STRING),
  }),
  spec: object('kubernetes.NamespaceSpec', { finalizers: listOf(STRING) }),
  status: object('kubernetes.NamespaceStatus', { phase: STRING }),
});

export interface NameOptions {
  readonly hasParams?: boolean;
  readonly hasVariables?: boolean;
  readonly objects?: CelType;
}

/**
 * The names of an expression; `variables` are those declared before it, with the types of their expressions. Where the
 * kind of the objects is known, `objects` is their type.
 */
export function expressionNames(
  variables: ReadonlyMap<string, CelType>,
  { hasParams = false, hasVariables = true, objects = DYN }: NameOptions = {},
): ReadonlyMap<string, CelType> {
  return new Map([
    ['object', objects],
    ['oldObject', objects],
    ['namespaceObject', namespaceType],
    ['request', requestType],
    ...(hasVariables ? ([['variables', objectType('kubernetes.variables', variables)]] as const) : []),
    ...(hasParams ? ([['params', DYN]] as const) : []),
  ]);
}

export type Compiled = { readonly run: Checked; readonly type: CelType } | { readonly problem: string };

/** `types`: what the expression may give; empty: anything. One whose type cannot be told is refused where it matters. */
export function compileExpression(
  names: ReadonlyMap<string, CelType>,
  text: string,
  types: readonly ('bool' | 'string' | 'null')[],
): Compiled {
  const result = compile(text, names);
  if ('problem' in result) return { problem: `compilation failed: ${result.problem}` };
  const { type } = result.checked;
  if (types.length > 0 && !types.some((each) => each === type.kind)) {
    const wanted = types.map((each) => (each === 'null' ? 'null_type' : each));
    const rule =
      wanted.length === 1 ? `must evaluate to ${wanted[0]}` : `must evaluate to one of [${wanted.join(' ')}]`;
    return { problem: `${rule} but got ${typeText(type)}` };
  }
  return { run: result.checked, type };
}

export interface Outcome {
  readonly value?: CelValue;
  readonly failure?: string;
  /** Nothing more may be run for this write. */
  readonly isOutOfBudget?: true;
}

/** What all expressions of a policy may cost together, for one write. */
export interface PolicyBudget {
  left: number;
  readonly work: WorkBudget;
}

export function runExpression(run: Checked, variables: Variables, budget: PolicyBudget): Outcome {
  const meter = createMeter(Math.min(PER_CALL_LIMIT, Math.max(budget.left, 0)), budget.work);
  try {
    return { value: evaluate(run, variables, meter) };
  } catch (error) {
    if (error instanceof CelError) return { failure: error.message };
    if (!(error instanceof CostExceeded)) throw error;
    return { failure: error.message, isOutOfBudget: true };
  } finally {
    budget.left -= meter.cost;
  }
}

/** Without schemas: in a policy, times are strings and names are not escaped, as Kubernetes has it. */
export const policyValue = (json: unknown): CelValue => celValue(undefined, json ?? null);

/** What the expressions of a policy are evaluated with, without its variables and parameters. */
export function activationOf(
  request: AdmissionRequest,
  original: AdmissionRequest,
  namespace: Readonly<JsonObject> | undefined,
): Variables {
  const made = new Map<string, CelValue>();
  const sources: Readonly<Record<string, () => unknown>> = {
    object: () => request.object,
    oldObject: () => request.oldObject,
    namespaceObject: () => (request.definition.namespaced ? namespace : undefined),
    request: () => describe(request, original),
  };
  return (name) => {
    const source = Object.hasOwn(sources, name) ? sources[name] : undefined;
    if (!source) return undefined;
    const value = made.get(name) ?? policyValue(source());
    made.set(name, value);
    return value;
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

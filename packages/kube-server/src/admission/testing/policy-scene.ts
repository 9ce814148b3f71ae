import { expect } from 'vitest';
import type { JsonObject } from '../../json.ts';
import type { Answer, TestServer } from '../../testing/test-server.ts';

export const POLICIES = '/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies';
export const BINDINGS = '/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings';
export const MAPS = '/api/v1/namespaces/default/configmaps';
const merge = { 'content-type': 'application/merge-patch+json' };

export const rule = (resource: string, operations: readonly string[], extra: object = {}): object => ({
  apiGroups: [''],
  apiVersions: ['v1'],
  operations,
  resources: [resource],
  ...extra,
});

export interface PolicyOptions {
  readonly rules?: readonly object[];
  readonly constraints?: object;
  readonly actions?: readonly string[];
  readonly binding?: object;
  readonly spec?: object;
}

export const policy = (
  name: string,
  validations: readonly object[],
  { rules, constraints, spec }: PolicyOptions,
): object => ({
  metadata: { name },
  spec: {
    matchConstraints: { resourceRules: rules ?? [rule('configmaps', ['*'])], ...constraints },
    validations,
    ...spec,
  },
});

/** A validation that refuses what was locked before. */
export const locked = {
  expression: "!has(oldObject.data) || !has(oldObject.data.locked) || oldObject.data.locked != 'yes'",
  reason: 'Forbidden',
};

/** Policies and writes, for the server of the moment. */
export function governing(server: () => TestServer) {
  /** A policy in force. */
  async function enforce(
    name: string,
    validations: readonly object[],
    options: PolicyOptions = {},
  ): Promise<JsonObject> {
    const made = await server().admin.call('POST', POLICIES, policy(name, validations, options));
    expect(made.code, made.text).toBe(201);
    const spec = { policyName: name, validationActions: options.actions ?? ['Deny'], ...options.binding };
    const bound = await server().admin.call('POST', BINDINGS, { metadata: { name: `${name}-everywhere` }, spec });
    expect(bound.code, bound.text).toBe(201);
    return made.body;
  }

  const create = (name: string, data: object = {}, metadata: object = {}, at = MAPS): Promise<Answer> =>
    server().admin.call('POST', at, { metadata: { name, ...metadata }, data });
  const patch = (at: string, body: object): Promise<Answer> => server().admin.call('PATCH', at, body, merge);
  return { enforce, create, patch };
}

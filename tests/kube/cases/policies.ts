/** ValidatingAdmissionPolicies: what they may say, and how writes meet them. */
import { expect } from 'vitest';
import { type Api, mergePatch } from '../api.ts';
import { topic } from '../case.ts';

const group = '/apis/admissionregistration.k8s.io/v1';
const policies = `${group}/validatingadmissionpolicies`;
const bindings = `${group}/validatingadmissionpolicybindings`;

type Fields = Readonly<Record<string, unknown>>;

const rule = {
  apiGroups: [''],
  apiVersions: ['v1'],
  operations: ['CREATE', 'UPDATE', 'DELETE'],
  resources: ['configmaps'],
};

/** A policy about the case's own namespace alone. */
const policy = (api: Api, spec: Fields): Fields => ({
  metadata: { name: api.namespace },
  spec: {
    matchConstraints: {
      resourceRules: [rule],
      namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': api.namespace } },
    },
    validations: [{ expression: 'true' }],
    ...spec,
  },
});

async function refused(api: Api, spec: Fields): Promise<void> {
  const answer = await api.call('POST', `${policies}?dryRun=All`, policy(api, spec));
  expect(answer.code, answer.text).toBe(422);
}

/** Puts a policy in force: a map with the label `probe` is denied from then on. */
async function enforce(api: Api, spec: Fields, binding: Fields = {}): Promise<void> {
  const validations = spec.validations as readonly Fields[];
  const probing = {
    expression: "object == null || !has(object.metadata.labels) || !('probe' in object.metadata.labels)",
    message: 'in force',
  };
  const made = await api.quiet('POST', policies, policy(api, { ...spec, validations: [probing, ...validations] }));
  expect(made.code, made.text).toBe(201);
  const bound = await api.quiet('POST', bindings, {
    metadata: { name: api.namespace },
    spec: { policyName: api.namespace, validationActions: ['Deny'], ...binding },
  });
  expect(bound.code, bound.text).toBe(201);
  const deadline = Date.now() + 30_000;
  for (;;) {
    const probe = { metadata: { name: 'probe', labels: { probe: 'x' } }, data: { a: '1' } };
    const answer = await api.quiet('POST', api.core('configmaps?dryRun=All'), probe);
    if (answer.text.includes('in force') || answer.warnings.some((text) => text.includes('in force'))) return;
    if (Date.now() > deadline) throw new Error(`the policy did not come into force: ${answer.text}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function lift(api: Api): Promise<void> {
  await api.quiet('DELETE', `${bindings}/${api.namespace}`);
  await api.quiet('DELETE', `${policies}/${api.namespace}`);
}

const map = (name: string, data: Fields): Fields => ({ metadata: { name }, data });

export const policyCases = topic('policies', {
  'are refused where they make no sense': async (api) => {
    for (const expression of [
      'object.x',
      '"text"',
      'params.x == 1',
      'nonsense == 1',
      'request.nonsense == 1',
      'variables.x',
    ]) {
      await refused(api, { validations: [{ expression }] });
    }
    await refused(api, { validations: [{ expression: ' ' }] });
    await refused(api, { validations: [{ expression: 'true', message: ' ' }] });
    await refused(api, { validations: [{ expression: 'true', message: 'a\nb' }] });
    await refused(api, { validations: [{ expression: 'true', messageExpression: '1' }] });
    await refused(api, { validations: [] });
    await refused(api, { variables: [{ name: 'a-b', expression: '1' }] });
    await refused(api, { variables: [{ name: 'a', expression: 'variables.b' }] });
    await refused(api, { matchConditions: [{ name: 'a', expression: '1' }] });
    await refused(api, { matchConditions: [{ name: '', expression: 'true' }] });
    await refused(api, { paramKind: { apiVersion: 'a/b/c', kind: 'X' } });
    await refused(api, { paramKind: { apiVersion: 'v1', kind: 'X!' } });
    await refused(api, { auditAnnotations: [{ key: 'a', valueExpression: '1' }] });
    await refused(api, { auditAnnotations: [{ key: 'a b', valueExpression: "'x'" }] });
  },

  'deny in their own words': async (api) => {
    await enforce(api, {
      variables: [{ name: 'size', expression: 'object == null ? 0 : int(object.data.size)' }],
      matchConditions: [
        {
          name: 'sized',
          expression: "object == null || (has(object.data) && 'size' in object.data) || has(object.metadata.labels)",
        },
      ],
      validations: [
        {
          expression: 'has(object.metadata.labels) || variables.size < 10',
          messageExpression: "'size is ' + string(variables.size)",
          reason: 'Forbidden',
        },
        { expression: 'has(object.metadata.labels) || variables.size != 5', message: 'not five' },
        { expression: 'has(object.metadata.labels) || variables.size != 6' },
        {
          expression:
            "has(object.metadata.labels) || request.operation == 'CREATE' || variables.size >= int(oldObject.data.size)",
        },
      ],
    });
    for (const size of ['10', '5', '6', 'x', '1']) await api.call('POST', api.core('configmaps'), map('a', { size }));
    await api.call('POST', api.core('configmaps'), map('b', { other: '1' }));
    await api.call('PATCH', api.core('configmaps/a'), { data: { size: '0' } }, mergePatch);
    await lift(api);
  },

  'warn instead of denying': async (api) => {
    await enforce(
      api,
      { validations: [{ expression: "object.data.a != '2'", message: 'two' }] },
      { validationActions: ['Warn', 'Audit'] },
    );
    const answer = await api.call('POST', api.core('configmaps'), map('a', { a: '2' }));
    expect(answer.code).toBe(201);
    await lift(api);
  },

  'take parameters': async (api) => {
    await api.quiet('POST', api.core('configmaps'), map('limits', { most: '3' }));
    await enforce(
      api,
      {
        paramKind: { apiVersion: 'v1', kind: 'ConfigMap' },
        validations: [
          {
            expression: "!('n' in object.data) || int(object.data.n) <= int(params.data.most)",
            messageExpression: "'at most ' + params.data.most",
          },
        ],
      },
      { paramRef: { name: 'limits', namespace: api.namespace, parameterNotFoundAction: 'Deny' } },
    );
    await api.call('POST', api.core('configmaps'), map('a', { n: '3' }));
    await api.call('POST', api.core('configmaps'), map('b', { n: '4' }));
    await lift(api);
  },

  'that fail deny, unless they are told to ignore it': async (api) => {
    await enforce(api, { failurePolicy: 'Ignore', validations: [{ expression: "object.data.missing == 'x'" }] });
    expect((await api.call('POST', api.core('configmaps'), map('a', { b: '1' }))).code).toBe(201);
    await lift(api);
  },
});

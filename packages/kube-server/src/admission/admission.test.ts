import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { arrayAt, valueAt } from '../json.ts';
import { createMemoryStore } from '../store/memory-store.ts';
import { startTestServer, type TestServer } from '../testing/test-server.ts';
import {
  BINDINGS,
  governing,
  locked,
  MAPS,
  POLICIES,
  type PolicyOptions,
  policy,
  rule,
} from './testing/policy-scene.ts';

let server: TestServer;
beforeEach(async () => {
  server = await startTestServer();
});
afterEach(async () => {
  await server.stop();
});

const { enforce, create, patch } = governing(() => server);

describe('a policy', () => {
  it('denies in the words and codes of Kubernetes, and changes nothing (A2)', async () => {
    await create('safe', { locked: 'yes' });
    const before = await server.admin.call('GET', `${MAPS}/safe`);
    await enforce('keep', [{ ...locked, messageExpression: "'unlock ' + oldObject.metadata.name + ' first'" }], {
      rules: [rule('configmaps', ['DELETE'])],
    });
    const said = "ValidatingAdmissionPolicy 'keep' with binding 'keep-everywhere' denied request: unlock safe first";
    for (const options of [undefined, { dryRun: ['All'] }]) {
      const refused = await server.admin.call('DELETE', `${MAPS}/safe`, options);
      expect(refused.body).toMatchObject({
        code: 403,
        reason: 'Forbidden',
        message: `configmaps "safe" is forbidden: ${said}`,
        details: { name: 'safe', kind: 'configmaps', causes: [{ message: said }] },
      });
    }
    expect((await server.admin.call('GET', `${MAPS}/safe`)).body).toEqual(before.body);
    expect((await patch(`${MAPS}/safe`, { data: { locked: 'no' } })).code).toBe(200);
    for (const [query, options] of [['?dryRun=All'], ['', { dryRun: ['All'] }]] as const) {
      expect((await server.admin.call('DELETE', `${MAPS}/safe${query}`, options)).code).toBe(200);
      expect((await server.admin.call('GET', `${MAPS}/safe`)).code).toBe(200);
    }
    expect((await server.admin.call('DELETE', `${MAPS}/safe`, { dryRun: ['Some'] })).code).toBe(422);
    expect((await server.admin.call('DELETE', `${MAPS}/safe`)).code).toBe(200);
  });

  it('is about creates and updates too, which see both states, and gives 422 where it names no reason', async () => {
    await enforce('grow', [
      { expression: 'object == null || int(object.data.size) >= 1', message: 'too small' },
      { expression: "request.operation != 'UPDATE' || int(object.data.size) >= int(oldObject.data.size)" },
    ]);
    expect((await create('a', { size: '0' })).body).toMatchObject({ code: 422, reason: 'Invalid' });
    expect((await create('a', { size: '0' })).text).toContain('too small');
    expect((await create('a', { size: '5' })).code).toBe(201);
    const smaller = await patch(`${MAPS}/a`, { data: { size: '4' } });
    expect(smaller.code).toBe(422);
    expect(smaller.text).toContain('failed expression: request.operation != ');
    expect((await patch(`${MAPS}/a`, { data: { size: '6' } })).code).toBe(200);
    expect((await server.admin.call('POST', `${MAPS}?dryRun=All`, { metadata: { name: 'b' } })).code).toBe(422);
    expect((await server.admin.call('DELETE', `${MAPS}/a`)).code).toBe(200);
  });

  it('has no say without a binding, and none after it is gone (A5)', async () => {
    await server.admin.call('POST', POLICIES, policy('none', [{ expression: 'false' }], {}));
    expect((await create('a')).code).toBe(201);
    await enforce('all', [{ expression: 'false' }]);
    expect((await create('b')).code).toBe(422);
    await patch(`${POLICIES}/all`, { spec: { validations: [{ expression: "object.metadata.name != 'c'" }] } });
    expect((await create('b')).code).toBe(201);
    expect((await create('c')).code).toBe(422);
    await server.admin.call('DELETE', `${BINDINGS}/all-everywhere`);
    expect((await create('c')).code).toBe(201);
  });

  it('that matches everything still lets itself be removed (A4)', async () => {
    await enforce('shut', [{ expression: 'false' }], {
      rules: [{ apiGroups: ['*'], apiVersions: ['*'], operations: ['*'], resources: ['*', '*/*'] }],
    });
    expect((await create('a')).code).toBe(422);
    expect((await server.admin.call('DELETE', `${POLICIES}/shut`)).code).toBe(200);
    expect((await create('a')).code).toBe(201);
  });

  it('warns where its binding says so, and is stored only for audit', async () => {
    await enforce('warn', [{ expression: 'false', message: 'not nice' }], { actions: ['Warn', 'Audit'] });
    await enforce('audit', [{ expression: 'false', message: 'unheard' }], { actions: ['Audit'] });
    const made = await create('a');
    expect(made.code).toBe(201);
    expect(String(made.headers.warning)).toBe(
      `299 - "Validation failed for ValidatingAdmissionPolicy 'warn' with binding 'warn-everywhere': not nice"`,
    );
    const gone = await server.admin.call('DELETE', `${MAPS}/a`);
    expect(String(gone.headers.warning)).toContain('not nice');
  });

  it('outlives a restart of the server', async () => {
    const store = createMemoryStore();
    await server.stop();
    server = await startTestServer({ store: { ...store, close: async () => {} } });
    await enforce('all', [{ expression: 'false' }]);
    await server.stop();
    server = await startTestServer({ store });
    expect((await create('a')).code).toBe(422);
  });
});

describe('what a policy is about', () => {
  it('is told by operation, resource, subresource, names and scope', async () => {
    await enforce('names', [{ expression: 'false' }], {
      rules: [rule('configmaps', ['CREATE'], { resourceNames: ['bad'] })],
    });
    await enforce('cluster', [{ expression: 'false' }], { rules: [rule('*', ['CREATE'], { scope: 'Cluster' })] });
    await enforce('status', [{ expression: "request.subResource == 'status' && false" }], {
      rules: [rule('services/status', ['UPDATE'])],
    });
    expect((await create('bad')).code).toBe(422);
    expect((await create('good')).code).toBe(201);
    expect((await server.admin.call('POST', '/api/v1/namespaces', { metadata: { name: 'n' } })).code).toBe(422);
    const services = '/api/v1/namespaces/default/services';
    await server.admin.call('POST', services, { metadata: { name: 's' }, spec: { ports: [{ port: 1 }] } });
    expect((await patch(`${services}/s`, { metadata: { labels: { a: 'b' } } })).code).toBe(200);
    expect((await patch(`${services}/s/status`, { status: { loadBalancer: {} } })).code).toBe(422);
  });

  it('is narrowed by exclusions, by selectors of namespaces and objects, and by the binding', async () => {
    await server.admin.call('POST', '/api/v1/namespaces', { metadata: { name: 'strict', labels: { mode: 'strict' } } });
    const strict = '/api/v1/namespaces/strict/configmaps';
    const expressions = [{ key: 'mode', operator: 'In', values: ['strict', 'other'] }];
    await enforce('n', [{ expression: 'false' }], {
      constraints: {
        namespaceSelector: { matchExpressions: expressions },
        excludeResourceRules: [rule('configmaps', ['*'], { resourceNames: ['free'] })],
      },
      binding: { matchResources: { objectSelector: { matchLabels: { judge: 'me' } } } },
    });
    const labels = { labels: { judge: 'me' } };
    expect((await create('a', {}, labels)).code).toBe(201);
    expect((await create('a', {}, {}, strict)).code).toBe(201);
    expect((await create('b', {}, labels, strict)).code).toBe(422);
    expect((await create('free', {}, labels, strict)).code).toBe(201);
    // The label may be in the state before or in the one after.
    expect((await patch(`${strict}/a`, { metadata: { labels: { judge: 'me' } } })).code).toBe(422);
  });

  it('includes other versions of a resource, unless it is to be exact', async () => {
    const events = '/apis/events.k8s.io/v1/namespaces/default/events';
    const event = (name: string): object => ({
      metadata: { name },
      eventTime: '2026-01-01T00:00:00.000000Z',
      regarding: { kind: 'Pod', namespace: 'default', name: 'p' },
      action: 'a',
      reason: 'bad',
      type: 'Normal',
      reportingController: 'c',
      reportingInstance: 'i',
    });
    const rules = [rule('events', ['CREATE'])];
    await enforce('exact', [{ expression: 'false' }], { rules, constraints: { matchPolicy: 'Exact' } });
    const made = await server.admin.call('POST', events, event('a'));
    expect(made.code, made.text).toBe(201);
    const said = "request.requestKind.group + request.kind.group + ' ' + object.involvedObject.name";
    await enforce('equivalent', [{ expression: 'false', messageExpression: said }], { rules });
    const refused = await server.admin.call('POST', events, event('b'));
    expect(refused.code).toBe(422);
    expect(refused.text).toContain('denied request: events.k8s.io p');
  });
});

describe('expressions', () => {
  it('see the request and its user, the namespace, and variables that are computed when asked for', async () => {
    const said =
      "variables.who + ' ' + request.operation + ' ' + request.resource.resource + ' ' + request.namespace + ' ' + " +
      "string(request.dryRun) + ' ' + namespaceObject.metadata.labels['kubernetes.io/metadata.name']";
    await enforce('talk', [{ expression: 'variables.isFine', messageExpression: said }], {
      spec: {
        variables: [
          { name: 'who', expression: 'request.userInfo.username' },
          { name: 'isFine', expression: "variables.who == 'somebody'" },
          { name: 'unused', expression: '1 / 0 > 0' },
        ],
      },
    });
    expect((await create('a')).text).toContain(
      'denied request: polarstack-admin CREATE configmaps default false default',
    );
  });

  it('that fail deny, or are ignored, as the policy says (A3)', async () => {
    const broken = [{ expression: 'object.data.missing.more == 1' }];
    await enforce('ignore', broken, { spec: { failurePolicy: 'Ignore' } });
    expect((await create('a')).code).toBe(201);
    await enforce('fail', broken);
    const refused = await create('b', { x: '1' });
    expect(refused.code).toBe(422);
    expect(refused.text).toContain(
      "expression 'object.data.missing.more == 1' resulted in error: no such key: missing",
    );
  });

  it('as conditions leave writes out; one that says no outweighs one that fails', async () => {
    const conditions = (...texts: readonly string[]): PolicyOptions => ({
      spec: { matchConditions: texts.map((expression, i) => ({ name: `c${i}`, expression })) },
    });
    await enforce('left-out', [{ expression: 'false' }], conditions('object.data.no == 1', "request.name == 'a'"));
    expect((await create('b')).code).toBe(201);
    expect((await create('a')).text).toContain('resulted in error: no such key: data');
    await enforce('others', [{ expression: 'false' }], conditions("request.name == 'c'"));
    expect((await create('c')).code).toBe(422);
    expect((await create('d')).code).toBe(201);
  });

  it('fall back to the message where the message expression cannot be used', async () => {
    await enforce('m', [{ expression: 'false', message: 'plain', messageExpression: "object.data.no + ''" }]);
    expect((await create('a')).text).toContain('denied request: plain');
  });
});

describe('policies and bindings', () => {
  const refusedFields = async (at: string, body: object): Promise<readonly unknown[]> => {
    const answer = await server.admin.call('POST', at, body);
    expect(answer.code, answer.text).toBe(422);
    return arrayAt(answer.body, 'details', 'causes').map((cause) => valueAt(cause, 'field'));
  };

  it.each([
    ['1 +', 'validations[0].expression'],
    ['"text"', 'validations[0].expression'],
    ['nonsense.x', 'validations[0].expression'],
    ['self.x', 'validations[0].expression'],
    ['request.nonsense == 1', 'validations[0].expression'],
    ['variables.later', 'validations[0].expression'],
    ['params.x', 'validations[0].expression'],
    ['object.x', 'validations[0].expression'],
    ['', 'validations[0].expression'],
  ])('with the expression %s are refused', async (expression, field) => {
    expect(await refusedFields(POLICIES, policy('p', [{ expression }], {}))).toEqual([`spec.${field}`]);
  });

  it('are refused where they ask for what is not supported or make no sense', async () => {
    const fine = [{ expression: 'true' }];
    const fields = (spec: object): Promise<readonly unknown[]> => refusedFields(POLICIES, policy('p', fine, { spec }));
    expect(await fields({ paramKind: { apiVersion: 'a/b/c', kind: '' } })).toEqual([
      'spec.paramKind.apiVersion',
      'spec.paramKind.kind',
    ]);
    expect(await fields({ matchConstraints: {} })).toEqual(['spec.matchConstraints.resourceRules']);
    expect(await fields({ validations: [] })).toEqual(['spec.validations', 'spec.auditAnnotations']);
    const matchConstraints = { resourceRules: [rule('pods/exec', ['CONNECT'])] };
    expect(await fields({ matchConstraints })).toEqual(['spec.matchConstraints.resourceRules[0].operations[0]']);
    const variables = [
      { name: 'a', expression: 'variables.b' },
      { name: 'b', expression: '1' },
    ];
    expect(await fields({ variables })).toEqual(['spec.variables[0].expression']);
    const binding = (spec: object): Promise<readonly unknown[]> =>
      refusedFields(BINDINGS, { metadata: { name: 'b' }, spec });
    expect(await binding({ policyName: 'p', validationActions: ['Deny', 'Warn'] })).toEqual(['spec.validationActions']);
    expect(await binding({ validationActions: ['Deny'], paramRef: { name: 'x' } })).toEqual([
      'spec.policyName',
      'spec.paramRef.parameterNotFoundAction',
    ]);
  });

  it('have the defaults and the status of Kubernetes', async () => {
    const made = await enforce('p', [{ expression: 'true' }]);
    expect(made).toMatchObject({
      metadata: { generation: 1 },
      spec: {
        failurePolicy: 'Fail',
        matchConstraints: {
          matchPolicy: 'Equivalent',
          namespaceSelector: {},
          objectSelector: {},
          resourceRules: [{ scope: '*' }],
        },
      },
      status: { observedGeneration: 1, typeChecking: {} },
    });
    const changed = await patch(`${POLICIES}/p`, { spec: { failurePolicy: 'Ignore' } });
    expect(changed.body).toMatchObject({ metadata: { generation: 2 }, status: { observedGeneration: 2 } });
  });
});

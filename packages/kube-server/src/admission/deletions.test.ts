import { waitFor } from '@polarstack/base';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { arrayAt, isObject, type JsonObject, stringAt, valueAt } from '../json.ts';
import { type Answer, startTestServer, type TestServer } from '../testing/test-server.ts';
import { governing, locked, MAPS, POLICIES, rule } from './testing/policy-scene.ts';

const never = new AbortController().signal;

let server: TestServer;
beforeEach(async () => {
  server = await startTestServer();
});
afterEach(async () => {
  await server.stop();
});

const { enforce, create, patch } = governing(() => server);

describe('deletions by others than people (A1)', () => {
  const conditionOf = (object: Readonly<JsonObject>, type: string): JsonObject | undefined =>
    arrayAt(object, 'status', 'conditions')
      .filter(isObject)
      .find((condition) => condition.type === type);
  const until = (what: string, at: string, fits: (answer: Answer) => boolean): Promise<Answer> =>
    waitFor(
      what,
      async () => {
        const answer = await server.admin.call('GET', at);
        return fits(answer) ? answer : undefined;
      },
      { signal: never, timeoutMs: 20_000, intervalMs: 10 },
    );
  const gone = (at: string): Promise<Answer> => until(`${at} to be gone`, at, ({ code }) => code === 404);
  const protect = (): Promise<JsonObject> =>
    enforce('keep', [{ ...locked, message: 'unlock it first' }], { rules: [rule('configmaps', ['DELETE'])] });

  it('of a collection leave what is protected, and say so', async () => {
    await protect();
    await create('open');
    await create('safe', { locked: 'yes' });
    const refused = await server.admin.call('DELETE', MAPS);
    expect(refused.code).toBe(403);
    expect(refused.text).toContain('configmaps \\"safe\\" is forbidden');
    await gone(`${MAPS}/open`);
    const left = await server.admin.call('GET', `${MAPS}/safe`);
    expect(valueAt(left.body, 'metadata', 'deletionTimestamp')).toBeUndefined();
  });

  it('of a namespace leave it terminating, with the reason, until the protection is lifted', async () => {
    await protect();
    await server.admin.call('POST', '/api/v1/namespaces', { metadata: { name: 'brief' } });
    const inside = '/api/v1/namespaces/brief/configmaps';
    await create('safe', { locked: 'yes' }, {}, inside);
    await create('open', {}, {}, inside);
    expect((await server.admin.call('DELETE', '/api/v1/namespaces/brief')).code).toBe(200);
    const waiting = await until('the reason', '/api/v1/namespaces/brief', ({ body }) => {
      return conditionOf(body, 'NamespaceDeletionContentFailure')?.status === 'True';
    });
    expect(stringAt(waiting.body, 'status', 'phase')).toBe('Terminating');
    expect(conditionOf(waiting.body, 'NamespaceDeletionContentFailure')).toMatchObject({
      reason: 'ContentDeletionFailed',
      message: expect.stringContaining('unlock it first'),
    });
    await gone(`${inside}/open`);
    expect((await server.admin.call('GET', `${inside}/safe`)).code).toBe(200);
    await patch(`${inside}/safe`, { data: { locked: 'no' } });
    await gone('/api/v1/namespaces/brief');
  });

  it('of dependents wait for the policy to go', async () => {
    await protect();
    const owner = (await create('owner')).body;
    const reference = { apiVersion: 'v1', kind: 'ConfigMap', name: 'owner', uid: stringAt(owner, 'metadata', 'uid') };
    const held = { ownerReferences: [{ ...reference, blockOwnerDeletion: true }] };
    await create('child', { locked: 'yes' }, held);
    await server.admin.call('DELETE', `${MAPS}/owner`, { propagationPolicy: 'Foreground' });
    // The owner waits in the foreground; a dependent that is not protected shows that the collector has passed.
    await create('sibling', {}, held);
    await gone(`${MAPS}/sibling`);
    expect((await server.admin.call('GET', `${MAPS}/owner`)).code).toBe(200);
    expect((await server.admin.call('GET', `${MAPS}/child`)).body.data).toEqual({ locked: 'yes' });
    await server.admin.call('DELETE', `${POLICIES}/keep`);
    await gone(`${MAPS}/child`);
    await gone(`${MAPS}/owner`);
  });

  it('of a definition leave it, with the reason, until its protected objects are free', async () => {
    const crds = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
    const things = '/apis/x.example/v1/namespaces/default/things';
    await server.admin.call('POST', crds, {
      metadata: { name: 'things.x.example' },
      spec: {
        group: 'x.example',
        scope: 'Namespaced',
        names: { plural: 'things', kind: 'Thing' },
        versions: [
          {
            name: 'v1',
            served: true,
            storage: true,
            schema: { openAPIV3Schema: { type: 'object', properties: { keep: { type: 'boolean' } } } },
          },
        ],
      },
    });
    const thing = { apiVersion: 'x.example/v1', kind: 'Thing', metadata: { name: 't' }, keep: true };
    expect((await server.admin.call('POST', things, thing)).code).toBe(201);
    await enforce('keep', [{ expression: '!oldObject.keep', message: 'it is to be kept' }], {
      rules: [{ apiGroups: ['x.example'], apiVersions: ['*'], operations: ['DELETE'], resources: ['things'] }],
    });
    await server.admin.call('DELETE', `${crds}/things.x.example`);
    const waiting = await until('the reason', `${crds}/things.x.example`, ({ body }) => {
      return conditionOf(body, 'Terminating')?.reason === 'InstanceDeletionFailed';
    });
    expect(conditionOf(waiting.body, 'Terminating')?.message).toContain('it is to be kept');
    expect((await patch(`${things}/t`, { keep: false })).code).toBe(200);
    await gone(`${crds}/things.x.example`);
  });
});

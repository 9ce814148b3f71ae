import { expect } from 'vitest';
import { type Api, asTable, mergePatch } from '../api.ts';
import { topic } from '../case.ts';
import { listAt, versionOf } from '../json.ts';

const labels = { app: 'web' };
const selector = { matchLabels: labels };

const budgets = (api: Api, rest = ''): string =>
  `/apis/policy/v1/namespaces/${api.namespace}/poddisruptionbudgets${rest === '' ? '' : `/${rest}`}`;

/** A pod that says of itself that it runs; `ready` is what its budget counts. */
async function runPod(api: Api, name: string, ready: 'True' | 'False' = 'True'): Promise<void> {
  const spec = { containers: [{ name: 'main', image: 'host' }], terminationGracePeriodSeconds: 0 };
  await api.quiet('POST', api.core('pods'), { metadata: { name, labels }, spec });
  const status = { phase: 'Running', conditions: [{ type: 'Ready', status: ready }] };
  await api.quiet('PATCH', api.core(`pods/${name}/status`), { status }, mergePatch);
}

/** What a controller would report. */
async function report(api: Api, name: string, status: object, observedGeneration = 1): Promise<void> {
  await api.quiet('PATCH', budgets(api, `${name}/status`), { status: { observedGeneration, ...status } }, mergePatch);
}

const eviction = (name: string, more: object = {}): object => ({
  apiVersion: 'policy/v1',
  kind: 'Eviction',
  metadata: { name },
  ...more,
});

const evict = (api: Api, name: string, more: object = {}, query = '') =>
  api.call('POST', api.core(`pods/${name}/eviction${query}`), eviction(name, more));

export const budgetCases = topic('disruption budgets', {
  'are made, judged and shown': async (api) => {
    const made = await api.call('POST', budgets(api), {
      metadata: { name: 'one' },
      spec: { minAvailable: 1, selector },
    });
    expect(made.body).toMatchObject({ status: { disruptionsAllowed: 0 } });
    const shown = await api.brief('GET', budgets(api), undefined, asTable);
    api.note('cells', listAt(shown.body, 'rows', 0, 'cells').slice(0, 4));
    const bad: readonly object[] = [
      { minAvailable: 1, maxUnavailable: 1 },
      { minAvailable: -1 },
      { maxUnavailable: '101%' },
      { maxUnavailable: 'x' },
      { maxUnavailable: 1, unhealthyPodEvictionPolicy: 'Sometimes' },
      { maxUnavailable: 1, selector: { matchExpressions: [{ key: 'a', operator: 'In' }] } },
    ];
    for (const spec of bad) {
      const answer = await api.call('POST', budgets(api), { metadata: { name: 'bad' }, spec });
      expect(answer.body, JSON.stringify(spec)).toMatchObject({ code: 422, reason: 'Invalid' });
    }
    const blind = await api.call('PUT', budgets(api, 'one'), { metadata: { name: 'one' }, spec: { minAvailable: 2 } });
    expect(blind.body).toMatchObject({ code: 422, reason: 'Invalid' });
    const changed = await api.call('PUT', budgets(api, 'one'), {
      metadata: { name: 'one', resourceVersion: versionOf(made.body) },
      spec: { maxUnavailable: '50%', selector },
    });
    expect(changed.body).toMatchObject({ metadata: { generation: 2 } });
    const status = { status: { disruptionsAllowed: -1 } };
    expect((await api.call('PATCH', budgets(api, 'one/status'), status, mergePatch)).code).toBe(422);
  },

  'without a budget a pod is evicted at once': async (api) => {
    await runPod(api, 'one');
    const dry = await evict(api, 'one', {}, '?dryRun=All');
    expect(dry.code).toBe(201);
    expect((await evict(api, 'one', { deleteOptions: { dryRun: ['All'] } })).code).toBe(201);
    expect((await api.quiet('GET', api.core('pods/one'))).code).toBe(200);
    expect((await evict(api, 'one')).body).toMatchObject({ status: 'Success' });
    await api.until(api.core('pods/one'), ({ code }) => code === 404);
    expect((await evict(api, 'one')).body).toMatchObject({ code: 404, reason: 'NotFound' });
  },

  'what is no eviction is refused': async (api) => {
    await runPod(api, 'one');
    const path = api.core('pods/one/eviction');
    expect((await api.call('POST', path, eviction('other'))).code).toBe(400);
    expect((await api.call('POST', path, { apiVersion: 'policy/v1', kind: 'Eviction' })).code).toBe(400);
    expect((await api.brief('POST', path, { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'one' } })).code).toBe(
      400,
    );
    expect((await api.brief('POST', path, '{')).code).toBe(400);
    expect((await api.brief('POST', `${path}?dryRun=Some`, eviction('one'))).code).toBe(422);
    expect((await api.call('GET', path)).code).toBe(405);
    const uid = '11111111-2222-3333-4444-555555555555';
    const wrong = await api.call('POST', path, eviction('one', { deleteOptions: { preconditions: { uid } } }));
    expect(wrong.body).toMatchObject({ code: 409, reason: 'Conflict' });
    const old = { deleteOptions: { preconditions: { resourceVersion: '1' } } };
    expect((await api.call('POST', path, eviction('one', old))).body).toMatchObject({ code: 409 });
  },

  'a budget that its controller has not seen allows nothing yet': async (api) => {
    await runPod(api, 'one');
    await api.quiet('POST', budgets(api), { metadata: { name: 'web' }, spec: { maxUnavailable: 1, selector } });
    const early = await evict(api, 'one');
    expect(early.body).toMatchObject({
      code: 429,
      reason: 'TooManyRequests',
      details: { retryAfterSeconds: 10, causes: [{ reason: 'DisruptionBudget' }] },
    });
    expect(early.retryAfter).toBe('10');
    await report(api, 'web', { disruptionsAllowed: 1, currentHealthy: 1, desiredHealthy: 0, expectedPods: 1 });
    await api.quiet('PATCH', budgets(api, 'web'), { spec: { maxUnavailable: 2 } }, mergePatch);
    expect((await evict(api, 'one')).body).toMatchObject({ code: 429 });
  },

  'a budget is used up': async (api) => {
    for (const name of ['one', 'two', 'three']) await runPod(api, name);
    await api.quiet('POST', budgets(api), { metadata: { name: 'web' }, spec: { minAvailable: 1, selector } });
    await report(api, 'web', { disruptionsAllowed: 2, currentHealthy: 3, desiredHealthy: 1, expectedPods: 3 });
    expect((await evict(api, 'one', {}, '?dryRun=All')).code).toBe(201);
    expect((await api.call('GET', budgets(api, 'web'))).body).toMatchObject({ status: { disruptionsAllowed: 2 } });
    expect((await evict(api, 'one')).code).toBe(201);
    expect((await api.call('GET', budgets(api, 'web'))).body).toMatchObject({ status: { disruptionsAllowed: 1 } });
    expect((await evict(api, 'two')).code).toBe(201);
    const used = await api.call('GET', budgets(api, 'web'));
    expect(used.body).toMatchObject({ status: { disruptionsAllowed: 0, disruptedPods: { one: expect.any(String) } } });
    const refused = await evict(api, 'three');
    expect(refused.body).toMatchObject({ code: 429, details: { causes: [{ reason: 'DisruptionBudget' }] } });
    expect(refused.retryAfter).toBeUndefined();
    expect((await evict(api, 'three', {}, '?dryRun=All')).code).toBe(429);
    // A deletion asks no budget.
    await api.call('DELETE', api.core('pods/three'), { gracePeriodSeconds: 0 });
    await api.until(api.core('pods/three'), ({ code }) => code === 404);
  },

  'two budgets for one pod are a mistake': async (api) => {
    await runPod(api, 'one');
    for (const name of ['web', 'all']) {
      const spec = { maxUnavailable: 1, selector: name === 'all' ? {} : selector };
      await api.quiet('POST', budgets(api), { metadata: { name }, spec });
      await report(api, name, { disruptionsAllowed: 1, currentHealthy: 1, desiredHealthy: 0, expectedPods: 1 });
    }
    const refused = await evict(api, 'one');
    expect(refused.body).toMatchObject({ code: 500, status: 'Failure' });
    expect((await api.quiet('GET', api.core('pods/one'))).code).toBe(200);
  },

  'a budget without a selector is nobody’s': async (api) => {
    await runPod(api, 'one');
    await api.quiet('POST', budgets(api), { metadata: { name: 'none' }, spec: { maxUnavailable: 0 } });
    expect((await evict(api, 'one')).code).toBe(201);
  },

  'pods that are not ready': async (api) => {
    await runPod(api, 'sick', 'False');
    await runPod(api, 'ill', 'False');
    await api.quiet('POST', budgets(api), { metadata: { name: 'web' }, spec: { minAvailable: 2, selector } });
    await report(api, 'web', { disruptionsAllowed: 0, currentHealthy: 1, desiredHealthy: 2, expectedPods: 2 });
    expect((await evict(api, 'sick')).body).toMatchObject({ code: 429 });
    await report(api, 'web', { disruptionsAllowed: 0, currentHealthy: 2, desiredHealthy: 2, expectedPods: 2 });
    expect((await evict(api, 'sick')).code).toBe(201);
    await report(api, 'web', { disruptionsAllowed: 0, currentHealthy: 0, desiredHealthy: 2, expectedPods: 2 });
    await api.quiet('PATCH', budgets(api, 'web'), { spec: { unhealthyPodEvictionPolicy: 'AlwaysAllow' } }, mergePatch);
    expect((await evict(api, 'ill')).code).toBe(201);
  },

  'pods that do not run ask nobody': async (api) => {
    await api.quiet('POST', budgets(api), { metadata: { name: 'web' }, spec: { minAvailable: 1, selector } });
    await report(api, 'web', { disruptionsAllowed: 0, currentHealthy: 1, desiredHealthy: 1, expectedPods: 1 });
    for (const phase of ['Pending', 'Succeeded', 'Failed']) {
      await runPod(api, 'one');
      await api.quiet('PATCH', api.core('pods/one/status'), { status: { phase } }, mergePatch);
      expect((await evict(api, 'one')).code, phase).toBe(201);
      await api.until(api.core('pods/one'), ({ code }) => code === 404);
    }
  },

  'an evicted pod says why it goes': async (api) => {
    const spec = { containers: [{ name: 'main', image: 'host' }], nodeName: 'nowhere' };
    await api.quiet('POST', api.core('pods'), { metadata: { name: 'one', labels }, spec });
    await api.quiet(
      'PATCH',
      api.core('pods/one/status'),
      {
        status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] },
      },
      mergePatch,
    );
    expect((await evict(api, 'one')).code).toBe(201);
    const going = await api.quiet('GET', api.core('pods/one'));
    api.note(
      'conditions',
      listAt(going.body, 'status', 'conditions').map((c) => ({ ...(c as object), lastProbeTime: null })),
    );
    expect(going.body).toMatchObject({ metadata: { deletionGracePeriodSeconds: 30 } });
    await api.quiet('DELETE', api.core('pods/one'), { gracePeriodSeconds: 0 });
  },
});

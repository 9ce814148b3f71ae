/** What cancelled, resumed and repeated operations leave: no request, no half-made instance, and never an old answer. */
import { HA_RECORD_KEY, MPDClusters, type MPDOperation, MPDOperations, names } from '@polarstack/api';
import { StackError, waitFor } from '@polarstack/base';
import { parseRecord, renderRecord } from '@polarstack/ha';
import { ConfigMaps, PersistentVolumeClaims, Pods } from '@polarstack/kube';
import { afterEach, expect, test } from 'vitest';
import { startFakeClusterManager } from '../testing/fake-cluster-manager.ts';
import { createScene } from '../testing/scene.ts';

let close: () => Promise<void> = async () => {};
afterEach(async () => await close());

/** A made cluster of one RW and two ROs, and no cluster manager. */
async function scene() {
  const made = await createScene();
  let endManager = (): void => {};
  close = async () => {
    endManager();
    await made.close();
  };
  await made.start();
  await made.create('demo');
  await made.until('demo', 'Ready', 'True');
  const key = (name: string) => ({ namespace: 'default', name });
  const record = async () => await made.kube.get(ConfigMaps, key(names.haRecord('demo')));
  const eventually = async <T>(what: string, check: () => Promise<T | undefined>): Promise<T> =>
    await waitFor(what, check, { signal: made.signal, timeoutMs: 30_000, intervalMs: 5 });
  let asked = 0;
  const s = {
    ...made,
    eventually,
    record: async () => parseRecord((await record()).data?.[HA_RECORD_KEY] ?? ''),
    ask: async (name: string, type: string, parameters: object) =>
      await made.kube.create(MPDOperations, {
        apiVersion: 'mpd.polardb.aliyun.com/v1',
        kind: 'MPDOperation',
        metadata: { name, namespace: 'default' },
        spec: { cluster: 'demo', type, parameters, planOnly: false },
      } as MPDOperation),
    steer: async (name: string, action: string) => {
      const body = { spec: { steering: { action, requestId: `r${++asked}` } } };
      await made.kube.patch(MPDOperations, key(name), { type: 'merge', body });
    },
    until: async (name: string, phase: string) =>
      await eventually(`${name} to be ${phase}`, async () => {
        const found = await made.kube.find(MPDOperations, key(name));
        if (found?.status?.phase === phase) return found;
        throw new Error(JSON.stringify(found?.status));
      }),
    manage: () => {
      endManager = startFakeClusterManager(made.kube, made.world);
    },
    /** Answers the request that stands. */
    refuse: async (code: string) => {
      const request = await eventually('a request', async () => (await s.record()).request);
      const map = await record();
      const { request: _, ...rest } = parseRecord(map.data?.[HA_RECORD_KEY] ?? '');
      const at = new Date().toISOString();
      const next = { ...rest, results: [...rest.results, { id: request.id, outcome: 'refused', code, at } as const] };
      await made.kube.replace(ConfigMaps, { ...map, data: { ...map.data, [HA_RECORD_KEY]: renderRecord(next) } });
    },
    leader: () => made.kube.all(MPDClusters)[0]?.status?.leaderInstanceId,
  };
  return s;
}

test('a switch that was refused is asked for anew when the operation is resumed', async () => {
  const s = await scene();
  await s.ask('move', 'SwitchRw', { instance: '1004' });
  // A code that nobody tries again by himself.
  await s.refuse('InstanceUnknown');
  await s.until('move', 'Interrupted');
  s.manage();
  await s.steer('move', 'Resume');
  await s.until('move', 'Succeeded');
  expect((await s.record()).primary).toBe('1004');
});

test('an operation under the name of an earlier one does its own switch', async () => {
  const s = await scene();
  s.manage();
  await s.ask('there', 'SwitchRw', { instance: '1004' });
  await s.until('there', 'Succeeded');
  await s.ask('back', 'SwitchRw', { instance: '1002' });
  await s.until('back', 'Succeeded');
  await s.kube.delete(MPDOperations, { namespace: 'default', name: 'there' });
  await s.eventually('it to be planned as it is', async () => (s.leader() === '1002' ? true : undefined));
  await s.ask('there', 'SwitchRw', { instance: '1004' });
  await s.until('there', 'Succeeded');
  expect((await s.record()).primary).toBe('1004');
});

test('a cancel takes the request for a switch back that nobody has begun', async () => {
  const s = await scene();
  await s.ask('move', 'SwitchRw', { instance: '1004' });
  await s.eventually('a request', async () => (await s.record()).request);
  await s.steer('move', 'Cancel');
  await s.until('move', 'Cancelled');
  expect((await s.record()).request).toBeUndefined();
  s.manage();
  await s.ask('after', 'SwitchRw', { instance: '1006' });
  await s.until('after', 'Succeeded');
  expect((await s.record()).epochs.map(({ primary }) => primary)).toEqual(['1002', '1006']);
});

test('a cancelled AddRo leaves nothing of the instance that it had begun to make', async () => {
  const s = await scene();
  s.world.failures.set('bootstrap demo-1007-1008', new StackError('AgentForbidden', 'not you'));
  await s.ask('more', 'AddRo', { count: 1 });
  await s.until('more', 'Interrupted');
  expect(s.kube.all(Pods).map(({ metadata }) => metadata?.name)).toContain('demo-1007-1008');
  await s.steer('more', 'Cancel');
  await s.until('more', 'Cancelled');
  expect(Object.keys(s.kube.all(MPDClusters)[0]?.status?.dbInstanceStatus ?? {})).toEqual(['1002', '1004', '1006']);
  expect(s.kube.all(Pods)).toHaveLength(3);
  expect(s.kube.all(PersistentVolumeClaims)).toHaveLength(3);
});

test('a removal that was begun is brought to its end by a cancel', async () => {
  const s = await scene();
  await s.kube.patch(
    Pods,
    { namespace: 'default', name: 'demo-1003-1004' },
    { type: 'merge', body: { metadata: { finalizers: ['test/held'] } } },
  );
  await s.ask('less', 'RemoveRo', { instance: '1004' });
  await s.eventually('its removal to begin', async () =>
    s.kube.all(MPDClusters)[0]?.status?.dbInstanceStatus?.['1004']?.installed === false ? true : undefined,
  );
  await s.steer('less', 'Cancel');
  await s.eventually('the cancel', async () => s.operations()[1]?.status?.undoing || undefined);
  await s.kube.patch(
    Pods,
    { namespace: 'default', name: 'demo-1003-1004' },
    { type: 'merge', body: { metadata: { finalizers: null } } },
  );
  await s.until('less', 'Cancelled');
  expect(Object.keys(s.kube.all(MPDClusters)[0]?.status?.dbInstanceStatus ?? {})).not.toContain('1004');
  expect((await s.record()).members['1004']).toBeUndefined();
});

test('an edit of a parameter while it is flushed is not lost: the next flush carries it out', async () => {
  const s = await scene();
  const key = { namespace: 'default', name: names.userParams('demo') };
  const edit = async (values: Readonly<Record<string, string>>): Promise<void> => {
    const map = await s.kube.get(ConfigMaps, key);
    // Younger than all that was, as people write it who type after each other.
    const updateTime = `${new Date(Date.now() + 2_000).toISOString().slice(0, 19)}Z`;
    const items = Object.entries(values).map(([name, value]) => [name, JSON.stringify({ name, value, updateTime })]);
    await s.kube.replace(ConfigMaps, { ...map, data: { ...map.data, ...Object.fromEntries(items) } });
  };
  await edit({ work_mem: '5120' });
  s.world.failures.set('setConfig demo-1005-1006', new StackError('AgentForbidden', 'not you'));
  await s.ask('first', 'FlushParams', {});
  await s.until('first', 'Interrupted');
  await edit({ work_mem: '6144', lock_timeout: '5000' });
  await s.steer('first', 'Resume');
  await s.until('first', 'Succeeded');
  for (const { config } of s.world.instances.values()) expect(config?.parameters.work_mem).toBe('5120');
  await s.ask('second', 'FlushParams', {});
  await s.until('second', 'Succeeded');
  for (const { config } of s.world.instances.values()) {
    expect(config?.parameters).toMatchObject({ work_mem: '6144', lock_timeout: '5000' });
  }
});

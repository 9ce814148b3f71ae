import { HA_RECORD_KEY, labels } from '@polarstack/api';
import { StackError, silentLogger } from '@polarstack/base';
import { newRecord, parseRecord, renderRecord, requestSwitch } from '@polarstack/ha';
import type { KubeClient } from '@polarstack/kube';
import { createVirtualClock } from '@polarstack/testkit';
import type { ConfigMap, Pod } from 'kubernetes-types/core/v1.js';
import { expect, test } from 'vitest';
import { createMetrics } from '../metrics.ts';
import { startClusterActor } from './actor.ts';

const key = { namespace: 'default', name: 'demo-cmconfig' };

/** An actor of a cluster whose pods have no addresses, against an API that counts. */
function scene(
  record = newRecord({
    cluster: { namespace: 'default', name: 'demo', uid: 'u' },
    primary: 'a',
    pods: { a: 'pa', b: 'pb' },
    now: new Date(0),
  }),
) {
  let held: ConfigMap = {
    metadata: { ...key, resourceVersion: '1', labels: { [labels.cluster]: 'demo', [labels.haRecord]: 'true' } },
    data: { [HA_RECORD_KEY]: renderRecord(record) },
  };
  const asked: string[] = [];
  const note = (call: string): void => void asked.push(call);
  const client = {
    find: async () => {
      note('find');
      return held;
    },
    get: async () => {
      note('get');
      throw new StackError('NotFound', 'nothing here');
    },
    patch: async () => {
      note('patch');
      throw new StackError('NotFound', 'nothing here');
    },
    replace: async (_: unknown, object: ConfigMap) => {
      note('replace');
      if (object.metadata?.resourceVersion !== held.metadata?.resourceVersion)
        throw new StackError('Conflict', 'changed meanwhile');
      const resourceVersion = String(Number(held.metadata?.resourceVersion) + 1);
      held = { ...object, metadata: { ...object.metadata, resourceVersion } };
      return held;
    },
  } as unknown as KubeClient;
  const clock = createVirtualClock();
  const stop = new AbortController();
  const metrics = createMetrics();
  const actor = startClusterActor({
    client,
    records: { get: () => held },
    pods: { get: (): Pod | undefined => undefined },
    key,
    cluster: 'demo',
    clock,
    log: silentLogger,
    metrics,
    signal: stop.signal,
  });
  return {
    actor,
    asked,
    clock,
    metrics,
    record: () => parseRecord(held.data?.[HA_RECORD_KEY] ?? ''),
    put: (text: string) => {
      held = { ...held, metadata: { ...held.metadata, resourceVersion: '77' }, data: { [HA_RECORD_KEY]: text } };
      actor.wake();
    },
    end: async () => {
      stop.abort();
      await actor.ended;
    },
  };
}

test('L1: while nothing is under way and nothing changes, the API is asked nothing', async () => {
  const s = scene();
  await s.clock.advance(600_000);
  expect(s.asked).toEqual([]);
  await s.end();
});

test('a request is answered by compare-and-swap, and counted; its refusal says why', async () => {
  const s = scene();
  await s.clock.advance(1);
  const at = s.clock.now().toISOString();
  const deadline = new Date(s.clock.now().getTime() + 60_000).toISOString();
  s.put(
    renderRecord(requestSwitch(s.record(), { id: 'r', kind: 'switchover', reason: '', requester: 'me', at, deadline })),
  );
  await s.clock.advance(1_000);
  expect(s.record().results).toMatchObject([{ id: 'r', outcome: 'refused', code: 'PrimaryUnfit' }]);
  expect(s.record().request).toBeUndefined();
  // What the copy of the API shows is not asked for again.
  expect(s.asked).toEqual(['replace']);
  expect(s.metrics.render()).toContain('polarstack_switches_total{outcome="refused"} 1');
  await s.end();
});

test('a record that cannot be read is left as it is, and looked at again', async () => {
  const s = scene();
  s.put('{"schema":99}');
  await s.clock.advance(60_000);
  expect(s.asked).toEqual([]);
  s.put(
    renderRecord(
      newRecord({
        cluster: { namespace: 'default', name: 'demo', uid: 'u' },
        primary: 'a',
        pods: { a: 'pa' },
        now: new Date(0),
      }),
    ),
  );
  await s.clock.advance(60_000);
  expect(s.record().primary).toBe('a');
  await s.end();
});

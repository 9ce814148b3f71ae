import { labels } from '@polarstack/api';
import { systemClock } from '@polarstack/base';
import { type HaRecord, newRecord, type SwitchResult, withdrawRequest } from '@polarstack/ha';
import { ConfigMaps, createInformer } from '@polarstack/kube';
import { expect, onTestFinished, test } from 'vitest';
import { createFakeKube } from '../testing/fake-kube.ts';
import { newCluster } from '../testing/scene.ts';
import { changeRecord, readRecord, recordMap } from './ha-record.ts';
import { requestSwitchover, switchover, switchoverResult } from './switchover.ts';
import { createWatchedRecords } from './watched-records.ts';

const owner = { namespace: 'default', name: 'demo', uid: 'u1' };

/** A record, watched; whoever answers is the test. */
async function scene() {
  const kube = createFakeKube();
  const draft = newCluster('demo');
  const cluster = { ...draft, metadata: { ...draft.metadata, uid: owner.uid } };
  const pods = { 1: 'pod-1', 2: 'pod-2' };
  await kube.create(ConfigMaps, recordMap(cluster, newRecord({ cluster: owner, primary: '1', pods, now: new Date() })));
  const stop = new AbortController();
  onTestFinished(() => stop.abort());
  const informer = createInformer({ client: kube, resource: ConfigMaps, labelSelector: labels.haRecord });
  void informer.start(stop.signal);
  await informer.synced;
  const services = { client: kube, clock: systemClock, records: createWatchedRecords(informer) };
  const { signal } = stop;
  return {
    services,
    signal,
    record: async () => await readRecord(kube, owner, signal),
    answer: async (result: Omit<SwitchResult, 'at'>) =>
      await changeRecord(
        kube,
        owner,
        (now): HaRecord => ({
          ...withdrawRequest(now, result.id),
          results: [...now.results, { ...result, at: new Date().toISOString() }],
        }),
        signal,
      ),
    stop,
  };
}

test('a wish is in the record once, and its answer comes back', async () => {
  const { services, signal, record, answer } = await scene();
  const wish = { id: 'a/b/1', target: '2', reason: 'class' };
  const first = switchover(services, owner, wish, signal);
  const second = switchover(services, owner, wish, signal);
  await services.records.until(owner, (now) => now?.request, signal);
  expect((await record())?.request).toMatchObject({ ...wish, requester: 'polarstack-operator' });
  expect(switchoverResult(services, owner, wish.id)).toBeUndefined();
  await answer({ id: wish.id, outcome: 'done', to: '2', pauseMs: 300 });
  expect(await Promise.all([first, second])).toMatchObject([{ pauseMs: 300 }, { to: '2' }]);
  expect(switchoverResult(services, owner, wish.id)).toMatchObject({ outcome: 'done' });
  expect(await switchover(services, owner, wish, signal), 'asked again').toMatchObject({ outcome: 'done' });
});

test('what was refused, or failed, is thrown with its code, sentence and remedy', async () => {
  const { services, signal, answer } = await scene();
  const refused = switchover(services, owner, { id: 'x', reason: '' }, signal);
  await services.records.until(owner, (now) => now?.request, signal);
  await answer({ id: 'x', outcome: 'refused', code: 'SwitchTargetUnfit', message: '2 is late', remedy: 'Wait.' });
  await expect(refused).rejects.toMatchObject({ code: 'SwitchTargetUnfit', message: '2 is late', remedy: 'Wait.' });
});

test('another wish, or an unknown target, is refused where it is made', async () => {
  const { services, signal } = await scene();
  await requestSwitchover(services, owner, { id: 'x', reason: '' }, signal);
  await expect(requestSwitchover(services, owner, { id: 'y', reason: '' }, signal)).rejects.toMatchObject({
    code: 'SwitchRunning',
  });
  await requestSwitchover(services, owner, { id: 'x', reason: '' }, signal);
  const stranger = (await scene()).services;
  await expect(requestSwitchover(stranger, owner, { id: 'x', target: '9', reason: '' }, signal)).rejects.toMatchObject({
    code: 'InstanceUnknown',
  });
  const other = { ...owner, uid: 'another' };
  await expect(requestSwitchover(services, other, { id: 'z', reason: '' }, signal)).rejects.toMatchObject({
    code: 'HaRecordMissing',
  });
});

test('a wish that nobody takes up is taken back', async () => {
  const { services, signal, record } = await scene();
  // The time is the past's: what is left is the time to answer, which is cut short here.
  const waiting = switchover(services, owner, { id: 'x', reason: '', beginWithinMs: -14_900 }, signal);
  await expect(waiting).rejects.toMatchObject({ code: 'ClusterManagerSilent' });
  expect((await record())?.request).toBeUndefined();
});

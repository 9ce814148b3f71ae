import { MPDClusters } from '@polarstack/api';
import { type ErrorCode, StackError, silentLogger } from '@polarstack/base';
import { type KubeClient, Pods } from '@polarstack/kube';
import { createVirtualClock } from '@polarstack/testkit';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Services } from '../steps/services.ts';
import { createFakeKube } from '../testing/fake-kube.ts';
import { newCluster } from '../testing/scene.ts';
import { createUnrecordedDeletions } from './unrecorded-deletions.ts';

let stop = new AbortController();
beforeEach(() => {
  stop = new AbortController();
});
afterEach(() => stop.abort());

/** A cluster of which nothing was made yet, and how often its pods were looked for. */
async function scene(signal: AbortSignal = stop.signal) {
  const kube = createFakeKube();
  const cluster = await kube.create(MPDClusters, newCluster('demo'));
  const clock = createVirtualClock();
  const fail: { code?: ErrorCode; gate?: Promise<void> } = {};
  let looks = 0;
  const list: KubeClient['list'] = async (resource, options, abort) => {
    if (resource.plural === Pods.plural) looks++;
    await fail.gate;
    if (fail.code) throw new StackError(fail.code, 'the disk is on fire');
    return await kube.list(resource, options, abort);
  };
  const services = {
    client: { ...kube, list },
    agents: { agent: () => expect.unreachable(), forget: () => {} },
    pods: { get: () => undefined, list: () => [] },
    clock,
  } as unknown as Services;
  const ends: string[] = [];
  const onEnd = (key: string) => void ends.push(key);
  const deletions = createUnrecordedDeletions({ services, logger: silentLogger, signal, clock, onEnd });
  return { deletions, cluster, clock, fail, ends, looks: () => looks };
}

test('UD1: it runs once, says when it has ended, and stays done', async () => {
  const { deletions, cluster, ends, looks } = await scene();
  expect(deletions.has(cluster)).toBe(false);
  expect(deletions.advance(cluster)).toEqual({ done: false });
  expect(deletions.advance(cluster)).toEqual({ done: false });
  await deletions.idle();
  const once = looks();
  expect(ends).toEqual(['default/demo']);
  expect(deletions.advance(cluster)).toEqual({ done: true });
  await deletions.idle();
  expect(looks()).toBe(once);
  deletions.forget(cluster.metadata.uid ?? '');
  expect(deletions.has(cluster)).toBe(false);
});

test('UD3: what stopped says why, and begins again after a pause', async () => {
  const { deletions, cluster, clock, fail, ends } = await scene();
  fail.code = 'BadRequest';
  deletions.advance(cluster);
  await deletions.idle();
  const stopped = deletions.advance(cluster);
  expect(stopped).toMatchObject({ done: false, failure: { code: 'BadRequest', message: 'the disk is on fire' } });
  expect(stopped.againMs).toBeGreaterThan(0);
  delete fail.code;
  await deletions.idle();
  expect(ends).toHaveLength(1);
  await clock.advance(stopped.againMs ?? 0);
  // Until it is done the last failure is still what people should know.
  expect(deletions.advance(cluster)).toMatchObject({ done: false, failure: { code: 'BadRequest' } });
  await deletions.idle();
  expect(deletions.advance(cluster)).toEqual({ done: true });
});

test('UD4: a stopped operator ends it and begins no other', async () => {
  const own = new AbortController();
  const { deletions, cluster, fail, ends, looks } = await scene(own.signal);
  let open = (): void => {};
  fail.gate = new Promise((resolve) => (open = resolve));
  deletions.advance(cluster);
  own.abort();
  open();
  await deletions.idle();
  const seen = looks();
  expect(deletions.advance(cluster)).toMatchObject({ done: false });
  await deletions.idle();
  expect(looks()).toBe(seen);
  expect(ends).toEqual([]);
});

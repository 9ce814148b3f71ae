import { expect, test } from 'vitest';
import { createFakeKube } from '../testing/fake-kube.ts';
import { createAllocator } from './allocate.ts';

const { signal } = new AbortController();
const wish = { ids: 3, agentPort: false, claimedPorts: [] };

test('ids taken side by side by one process are all different, and none of its writes meets a conflict', async () => {
  const kube = createFakeKube();
  let writes = 0;
  const replace: typeof kube.replace = async (...args) => {
    writes++;
    return await kube.replace(...args);
  };
  const allocate = createAllocator({ ...kube, replace });
  const taken = await Promise.all(
    Array.from({ length: 60 }, async () => await allocate(wish, new AbortController().signal)),
  );
  const firsts = taken.map(({ firstId }) => firstId).sort((a, b) => a - b);
  expect(firsts).toEqual(firsts.map((_, i) => (firsts[0] ?? 0) + 3 * i));
  expect(writes).toBe(60);
});

test('one that is told to stop does not wait for its turn, takes nothing, and keeps none behind it from theirs', async () => {
  const kube = createFakeKube();
  let release = (): void => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  const replace: typeof kube.replace = async (...args) => {
    await released;
    return await kube.replace(...args);
  };
  const allocate = createAllocator({ ...kube, replace });
  const stop = new AbortController();
  const first = allocate(wish, signal);
  const stopped = allocate(wish, stop.signal);
  const last = allocate(wish, signal);
  stop.abort(new Error('told to stop'));
  await expect(stopped).rejects.toThrow('told to stop');
  release();
  const [{ firstId: one }, { firstId: other }] = await Promise.all([first, last]);
  expect(other).toBe(one + 3);
});

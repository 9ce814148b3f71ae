import { StackError } from '@polarstack/base';
import { createVirtualClock } from '@polarstack/testkit';
import type { Lease } from 'kubernetes-types/coordination/v1.js';
import { expect, test } from 'vitest';
import type { KubeClient } from './client.ts';
import { createLeaderElector, electionTimes } from './elect-leader.ts';

/** One Lease with the semantics of a server; `holds` makes its answers wait. */
function oneLease() {
  let stored: Lease | undefined;
  let version = 0;
  let isAway = false;
  const keep = (lease: Lease): Lease => {
    if (isAway) throw new StackError('ApiUnreachable', 'away');
    version++;
    stored = { ...lease, metadata: { ...lease.metadata, resourceVersion: String(version) } };
    return stored;
  };
  const client = {
    find: () => Promise.resolve(stored),
    create: (_: unknown, lease: Lease) => Promise.resolve().then(() => keep(lease)),
    replace: (_: unknown, lease: Lease) => Promise.resolve().then(() => keep(lease)),
  } as unknown as Pick<KubeClient, 'find' | 'create' | 'replace'>;
  return {
    client,
    away: (now: boolean) => {
      isAway = now;
    },
    lease: () => stored,
  };
}

test('a leader whose machine slept does not act before it has renewed (L2)', async () => {
  const clock = createVirtualClock();
  const server = oneLease();
  const stop = new AbortController();
  const elector = createLeaderElector({
    client: server.client,
    lease: { namespace: 'n', name: 'l' },
    identity: 'a',
    times: electionTimes(15),
    signal: stop.signal,
    clock,
    lead: async (signal) =>
      await new Promise((resolve) => {
        signal.addEventListener('abort', () => resolve(), { once: true });
      }),
  });
  const running = elector.run();
  await clock.advance(20_000);
  expect(elector.isLeader()).toBe(true);
  // What happens while the lid is closed: the wall clock goes on, the monotonic one does not.
  clock.setWall(new Date(clock.now().getTime() + 3_600_000));
  expect(elector.isLeader()).toBe(false);
  server.away(true);
  await clock.advance(2_500);
  expect(elector.isLeader()).toBe(false);
  server.away(false);
  await clock.advance(5_000);
  expect(elector.isLeader()).toBe(true);
  // A clock that is set back gives nobody more time.
  clock.setWall(new Date(clock.now().getTime() - 3_600_000));
  server.away(true);
  await clock.advance(11_000);
  expect(elector.isLeader()).toBe(false);
  server.away(false);
  stop.abort();
  await clock.advance(20_000);
  await running;
});

import type { Pod } from 'kubernetes-types/core/v1.js';
import { describe, expect, it } from 'vitest';
import { createAddresses } from './addresses.ts';
import { lostStatus, podStatus, type StatusInput } from './pod-status.ts';
import type { ContainerView } from './pod-view.ts';

const now = new Date('2026-01-02T03:04:05Z');
const pod: Pod = {
  metadata: { name: 'p', uid: 'u' },
  spec: { containers: [{ name: 'm', image: 'i' }] },
  status: {
    conditions: [
      { type: 'Ready', status: 'False', lastTransitionTime: '2026-01-01T00:00:00Z' },
      { type: 'Theirs', status: 'True' },
    ],
  },
};
const view = (fields: Partial<ContainerView> = {}): ContainerView => ({
  name: 'm',
  run: 1,
  state: 'running',
  started: true,
  ready: true,
  unhealthy: false,
  pauseMs: 0,
  ...fields,
});
const end = { run: 1, exitCode: 137, reason: 'Error', startedAt: 'a', finishedAt: 'b' };
const status = (main: ContainerView, fields: Partial<StatusInput> = {}) =>
  podStatus({ pod, init: [], main: [main], hostIP: '10.0.0.1', terminating: false, now, ...fields });
const condition = (of: ReturnType<typeof status>, type: string) => of.conditions?.find((each) => each.type === type);

describe('podStatus', () => {
  it('running and ready; conditions of others stay; times move only with the status', () => {
    const ready = status(view(), { podIP: '10.0.0.2' });
    expect(ready).toMatchObject({ phase: 'Running', podIP: '10.0.0.2', podIPs: [{ ip: '10.0.0.2' }] });
    expect(condition(ready, 'Ready')).toMatchObject({ status: 'True', lastTransitionTime: '2026-01-02T03:04:05Z' });
    expect(condition(ready, 'Theirs')).toEqual({ type: 'Theirs', status: 'True' });
    const unready = status(view({ ready: false }));
    expect(condition(unready, 'Ready')).toMatchObject({ status: 'False', lastTransitionTime: '2026-01-01T00:00:00Z' });
    expect(condition(unready, 'Ready')?.message).toBe('containers with unready status: [m]');
  });

  it('waiting for a restart', () => {
    const waiting = status(
      view({ state: 'ended', run: 2, end: { ...end, run: 2 }, previous: end, pauseMs: 5, ready: false }),
    );
    expect(waiting.phase).toBe('Running');
    expect(waiting.containerStatuses?.[0]).toMatchObject({
      restartCount: 1,
      ready: false,
      state: { waiting: { reason: 'CrashLoopBackOff' } },
      lastState: { terminated: { exitCode: 137, signal: 9, containerID: 'polarstack://u/m/2' } },
    });
  });

  it('ended for good', () => {
    const never: Pod = { ...pod, spec: { containers: [{ name: 'm', image: 'i' }], restartPolicy: 'Never' } };
    const failed = status(view({ state: 'ended', end }), { pod: never });
    expect(failed).toMatchObject({
      phase: 'Failed',
      containerStatuses: [{ state: { terminated: { exitCode: 137 } } }],
    });
    const done = status(view({ state: 'ended', end: { ...end, exitCode: 0 } }), { pod: never });
    expect(done.phase).toBe('Succeeded');
    expect(condition(done, 'Ready')?.reason).toBe('PodCompleted');
  });

  it('not started yet, and why', () => {
    const problem = { reason: 'ErrImageNeverPull', message: 'no such image' };
    const waiting = status(view({ state: 'waiting', run: 0, problem }));
    expect(waiting).toMatchObject({
      phase: 'Pending',
      containerStatuses: [{ state: { waiting: problem }, restartCount: 0 }],
    });
    expect(status(view({ state: 'waiting', run: 0 }), { notEnforced: 'limits' }).conditions).toContainEqual(
      expect.objectContaining({ type: 'ResourcesEnforced', status: 'False', message: 'limits' }),
    );
  });
});

it('lostStatus: what was seen stays, but it is not ready', () => {
  const ready = { ...pod, status: status(view()) };
  const lost = lostStatus(ready, now);
  expect(lost).toMatchObject({ phase: 'Running', containerStatuses: [{ ready: true }] });
  expect(condition(lost, 'Ready')).toMatchObject({ status: 'False', reason: 'NodeNotReady' });
  expect(lostStatus({ ...pod, status: lost }, new Date(0))).toEqual(lost);
});

describe('addresses', () => {
  const node = { name: 'n', address: '10.0.0.1', podAddress: (i: number) => `10.0.1.${i}` };

  it('are unique, kept, and not given again at once', () => {
    const addresses = createAddresses();
    addresses.reserve('adopted', '10.0.1.3');
    expect(addresses.allocate('a', node)).toBe('10.0.1.2');
    expect(addresses.allocate('b', node)).toBe('10.0.1.4');
    expect(addresses.allocate('a', node)).toBe('10.0.1.2');
    addresses.release('b');
    expect(addresses.allocate('c', node)).toBe('10.0.1.5');
  });

  it('run out with a code', () => {
    const addresses = createAddresses();
    for (let i = 2; i <= 254; i++) addresses.allocate(`p${i}`, node);
    expect(() => addresses.allocate('more', node)).toThrowError(expect.objectContaining({ code: 'NoAddressLeft' }));
    addresses.release('p77');
    expect(addresses.allocate('more', node)).toBe('10.0.1.77');
  });
});

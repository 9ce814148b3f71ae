import type { AgentPulse, Probe } from '@polarstack/contracts';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { newRecord } from '../record/record.ts';
import { suspect } from './suspicion.ts';
import { FAULT_MS, isFailure, judge, LOCAL_RECOVERY_MS, type Pulses, SILENT_MS } from './verdict.ts';

const now = new Date('2026-01-01T00:01:00.000Z');
const ago = (ms: number): string => new Date(now.getTime() - ms).toISOString();
const record = newRecord({
  cluster: { namespace: 'default', name: 'demo', uid: 'u' },
  primary: 'a',
  pods: { a: 'pod-a', b: 'pod-b', c: 'pod-c' },
  now: new Date(0),
});
const works: Probe = { ok: true, ms: 2, failingMs: 0 };
const fails = (failingMs: number, reason = 'no answer'): Probe => ({ ok: false, ms: 0, failingMs, reason });

type Change = {
  readonly engine?: Partial<AgentPulse['engine']>;
  readonly probes?: Partial<AgentPulse['probes']>;
} & Partial<Omit<AgentPulse, 'engine' | 'probes'>>;

const pulse = (id: string, { engine = {}, probes = {}, ...more }: Change = {}): AgentPulse => ({
  instanceId: id,
  agentStartedAt: ago(60_000),
  sequence: 1,
  bootId: 'boot',
  term:
    id === 'a'
      ? { epoch: 1, role: 'primary' }
      : {
          epoch: 1,
          role: 'replica',
          upstream: { instanceId: 'a', host: 'h', port: 1, serverName: 'pod-a', slot: 's' },
        },
  engine: {
    state: 'running',
    role: id === 'a' ? 'primary' : 'replica',
    startedAt: ago(60_000),
    systemId: 's',
    timeline: 1,
    lsn: '0/5000000',
    ...engine,
  },
  probes: { select: works, disk: works, ...(id === 'a' && { canary: works }), ...probes },
  at: now.toISOString(),
  ...more,
});
const seen = (change: Readonly<Record<string, Change | undefined>> = {}, age = 0): Pulses =>
  new Map(
    ['a', 'b', 'c'].flatMap((id) => {
      if (id in change && change[id] === undefined) return [];
      return [[id, { pulse: pulse(id, change[id]), receivedAt: 10_000 - (id === 'a' ? age : 0) }]] as const;
    }),
  );
const died = { count: 1, how: 'killed by signal 9', at: ago(10) };
const verdictOf = (pulses: Pulses) => judge(record, pulses, 10_000);

describe('a verdict', () => {
  test.each<[string, string, Pulses, string | undefined]>([
    ['well', 'nothing is wrong', seen(), undefined],
    ['dead', 'its engine ended', seen({ a: { engine: { state: 'stopped', died } } }), 'V5-recovers-in-place'],
    ['starting', 'it recovers in place', seen({ a: { engine: { state: 'starting', died } } }), 'V4-engine-lives'],
    [
      'dead',
      'it recovers for too long',
      seen({ a: { engine: { state: 'starting', died: { ...died, at: ago(LOCAL_RECOVERY_MS) } } } }),
      'V5-recovers-in-place',
    ],
    [
      'away',
      'stopped by request',
      seen({ a: { engine: { state: 'stopped', died, stoppedByRequest: true } } }),
      'V3-not-by-request',
    ],
    [
      'away',
      'a task runs',
      seen({ a: { engine: { state: 'stopped', died }, task: { id: 't', kind: 'restart' } } }),
      'V3-not-by-request',
    ],
    ['starting', 'it starts', seen({ a: { engine: { state: 'starting' } } }), 'V6-not-starting'],
    [
      'hung',
      'neither reads nor writes',
      seen({ a: { probes: { select: fails(FAULT_MS), canary: fails(FAULT_MS) } } }),
      'V10-select',
    ],
    [
      'slow',
      'for a moment only',
      seen({ a: { probes: { select: fails(FAULT_MS - 1), canary: fails(FAULT_MS - 1) } } }),
      undefined,
    ],
    ['slow', 'a lock on the row of the canary', seen({ a: { probes: { canary: fails(60_000) } } }), 'V11-canary'],
    ['slow', 'commits are slow', seen({ a: { probes: { canary: { ok: true, ms: 2_000, failingMs: 0 } } } }), undefined],
    [
      'slow',
      'whether the disk works is not known',
      seen({ a: { probes: { select: fails(FAULT_MS), canary: fails(FAULT_MS), disk: fails(1) } } }),
      'V10-select',
    ],
    [
      'busy',
      'no connection is left',
      seen({
        a: {
          probes: { select: fails(60_000, 'FATAL: sorry, too many clients already'), canary: fails(60_000, '53300') },
        },
      }),
      'V7-connections',
    ],
    ['disk', 'its disk fails', seen({ a: { probes: { disk: fails(FAULT_MS), canary: fails(FAULT_MS) } } }), 'V8-disk'],
    [
      'storage',
      'all disks fail',
      seen({
        a: { probes: { disk: fails(FAULT_MS) } },
        b: { probes: { disk: fails(FAULT_MS) } },
        c: { probes: { disk: fails(FAULT_MS) } },
      }),
      'V8-disk',
    ],
    ['silent', 'its pulses are old', seen({ a: { engine: { state: 'stopped', died } } }, SILENT_MS + 1), 'V1-heard'],
    ['unknown', 'none has come', seen({ a: undefined }), 'V1-heard'],
    [
      'unknown',
      'it is of another epoch',
      seen({ a: { term: { epoch: 2, role: 'primary' }, engine: { died } } }),
      'V2-of-this-epoch',
    ],
  ])('%s: %s', (verdict, _, pulses, guard) => {
    const found = verdictOf(pulses);
    expect(found.verdict).toBe(verdict);
    expect(found.reasons.find(({ holds }) => !holds)?.guard).toBe(verdict === 'dead' ? 'V4-engine-lives' : guard);
    for (const { text } of found.reasons) expect(text).toMatch(/\S/);
  });

  test.each<[string, Change | undefined]>([
    ['K2-answers', undefined],
    ['K3-runs-as-replica', { engine: { state: 'stopped' } }],
    ['K4-follows-this-epoch', { term: { epoch: 2, role: 'primary' } }],
    ['K5-same-database', { engine: { systemId: 'other' } }],
    ['K6-no-other-line', { engine: { timeline: 2 } }],
    ['K7-settled', { engine: { startedAt: ago(9_999) } }],
    ['K9-disk', { probes: { disk: fails(FAULT_MS) } }],
  ])('%s: who could take over is told from who could not', (guard, change) => {
    const { candidates } = verdictOf(seen({ b: change }));
    expect(candidates.find(({ id }) => id === 'b')).toMatchObject({ guard, why: expect.stringMatching(/b/) });
    expect(candidates.find(({ id }) => id === 'c')?.guard).toBeUndefined();
  });

  const probe: fc.Arbitrary<Probe | undefined> = fc.option(
    fc.record({
      ok: fc.boolean(),
      ms: fc.nat(5_000),
      failingMs: fc.nat(10_000),
      reason: fc.constantFrom('no answer', 'too many clients already'),
    }),
    { nil: undefined },
  );
  const change: fc.Arbitrary<Change> = fc.record({
    engine: fc.record({
      state: fc.constantFrom(
        'absent' as const,
        'stopped' as const,
        'starting' as const,
        'running' as const,
        'stopping' as const,
        'failed' as const,
      ),
      stoppedByRequest: fc.boolean(),
      ...{ died: fc.option(fc.constant(died), { nil: undefined }) },
    }) as fc.Arbitrary<Partial<AgentPulse['engine']>>,
    probes: fc.record({ select: probe, canary: probe, disk: probe }) as fc.Arbitrary<Partial<AgentPulse['probes']>>,
  });

  test('V-A, V-B: a failure has a sign in a fresh pulse of the primary, and no excuse', () => {
    fc.assert(
      fc.property(change, change, fc.nat(3_000), fc.constantFrom(1, 2), (a, b, age, epoch) => {
        const term = { epoch, role: 'primary' } as const;
        const { verdict, reasons } = verdictOf(seen({ a: { ...a, term }, b }, age));
        const { engine = {}, probes = {} } = a;
        const isFault = (one: Probe | undefined) => one?.ok === false && one.failingMs >= FAULT_MS;
        if (!isFailure(verdict)) return;
        expect(age).toBeLessThanOrEqual(SILENT_MS);
        expect(epoch).toBe(1);
        expect(engine.stoppedByRequest).not.toBe(true);
        const hangs = isFault(probes.select) && isFault(probes.canary) && probes.disk?.ok === true;
        expect(engine.died !== undefined || hangs || isFault(probes.disk)).toBe(true);
        expect(reasons.some(({ holds }) => !holds)).toBe(true);
      }),
    );
  });

  test('I9: what replicas do changes no verdict but that on a disk', () => {
    fc.assert(
      fc.property(change, change, change, (a, b, c) => {
        const [alone, among] = [verdictOf(seen({ a })), verdictOf(seen({ a, b, c }))];
        const onDisk = (verdict: string) => (verdict === 'storage' ? 'disk' : verdict);
        expect(onDisk(among.verdict)).toBe(onDisk(alone.verdict));
      }),
    );
  });
});

describe('a suspicion', () => {
  const at = { now, monotonic: 10_000 };
  const dead = seen({ a: { engine: { state: 'stopped', died } } });
  test('acts where every guard holds, and says which does not', () => {
    expect(suspect(record, dead, at)).toMatchObject({
      acts: true,
      judgement: { verdict: 'dead', signals: [{ what: 'E1' }] },
    });
    expect(suspect(record, seen(), at)).toMatchObject({ acts: false, guards: [] });
    for (const [guard, change] of [
      ['H1-mode', { settings: { mode: 'manual' } }],
      ['H2-not-paused', { settings: { paused: { failover: { by: 'me', at: ago(0) } } } }],
      ['H3-gap', { failovers: [{ at: ago(29_999), from: 'b', to: 'a' }] }],
      ['H4-rate', { failovers: [400, 300, 200].map((s) => ({ at: ago(s * 1_000), from: 'b', to: 'a' })) }],
    ] as const) {
      const { acts, guards } = suspect({ ...record, ...change }, dead, at);
      expect([acts, guards.find(({ holds }) => !holds)?.guard]).toEqual([false, guard]);
    }
    const alone = suspect(record, seen({ a: { engine: { state: 'stopped', died } }, b: undefined, c: undefined }), at);
    expect([alone.acts, alone.guards.find(({ holds }) => !holds)]).toMatchObject([
      false,
      { guard: 'H5-somebody-could' },
    ]);
  });
});

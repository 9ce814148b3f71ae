import type { MPDOperation } from '@polarstack/api';
import type { EngineReport } from '@polarstack/contracts';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { InstanceSeen } from '../status/observation.ts';
import { type AutomaticInput, automaticOperation, proofOf, SETTLED_MS } from './automatic.ts';
import { type FactsOptions, factsOf } from './facts-fixture.ts';

const GI = 2 ** 30;
const facts = (options: FactsOptions = {}) => factsOf(options);
const of = (id: string, engine: Partial<EngineReport> = {}, more: Partial<InstanceSeen> = {}): InstanceSeen => {
  const seen = facts().seen.instances.get(id);
  if (!seen?.report) throw new Error('no report');
  const { pid: _, ...rest } = { ...seen.report.engine, ...engine };
  return { ...seen, report: { ...seen.report, engine: { ...rest, ...(engine.pid && { pid: engine.pid }) } }, ...more };
};
const primary = of('1002', { timeline: 2, oldestWal: '0/4000000', lsn: '0/6000000' });
const DAMAGE = 'the engine exited with 1: FATAL:  could not open file "global/pg_control": No such file or directory';

test('AU2: an engine that does not start on its data is a proof; what another copy would not cure is none', () => {
  expect(proofOf(of('1004', { state: 'failed', reason: DAMAGE }), primary, [])).toContain('pg_control');
  const panic = 'PANIC:  could not locate a valid checkpoint record';
  expect(proofOf(of('1004', { state: 'failed', reason: panic }), primary, [])).toContain('checkpoint record');
  for (const reason of [
    'FATAL:  could not write lock file "postmaster.pid": No space left on device',
    'could not open file "x": Permission denied',
    'FATAL: could not bind IPv4 address: Address already in use',
    'connection terminated unexpectedly',
    undefined,
  ]) {
    const engine = { state: 'failed', ...(reason !== undefined && { reason }) } as const;
    expect(proofOf(of('1004', engine), primary, []), reason).toBeUndefined();
  }
  // It has a process, which may only be busy.
  expect(proofOf(of('1004', { state: 'failed', reason: DAMAGE, pid: 7 }), primary, [])).toBeUndefined();
});

test('AU2: silence, a task under way, and a primary that does not answer prove nothing', () => {
  const failed = of('1004', { state: 'failed', reason: DAMAGE });
  expect(proofOf({ ...failed, unanswered: 1 }, primary, [])).toBeUndefined();
  expect(proofOf(undefined, primary, [])).toBeUndefined();
  const task = { id: 't', kind: 'rewind', state: 'running', startedAt: '' } as const;
  if (!failed.report) throw new Error('no report');
  expect(proofOf({ ...failed, report: { ...failed.report, task } }, primary, [])).toBeUndefined();
  const lost = of('1004', { streaming: false, receivedLsn: '0/3000000' });
  expect(proofOf(lost, { ...primary, unanswered: 1 }, [])).toBeUndefined();
});

test('AU2: WAL that is gone and a line that parted are proofs; only not streaming is none', () => {
  const behind = (receivedLsn: string, more: Partial<EngineReport> = {}) =>
    proofOf(of('1004', { streaming: false, receivedLsn, lsn: receivedLsn, timeline: 2, ...more }), primary, forks);
  const forks = [{ parentTimeline: 1, forkLsn: '0/4800000' }];
  expect(behind('0/3FFFFFF')).toContain('needs WAL from 0/3FFFFFF');
  expect(behind('0/4000000')).toBeUndefined();
  expect(behind('0/3000000', { streaming: true })).toBeUndefined();
  expect(behind('0/4900000', { timeline: 1 })).toContain('which the RW left at 0/4800000');
  expect(behind('0/4700000', { timeline: 1 })).toBeUndefined();
});

const operation = (type: string, more: Partial<MPDOperation['spec']> = {}, at = '2026-02-01T00:00:00Z', name = type) =>
  ({
    apiVersion: 'mpd.polardb.aliyun.com/v1',
    kind: 'MPDOperation',
    metadata: { name, creationTimestamp: at },
    spec: { cluster: 'demo', type, planOnly: false, ...more },
    status: { phase: 'Succeeded' },
  }) as MPDOperation;

const decide = (more: Partial<AutomaticInput> & { readonly options?: FactsOptions } = {}) => {
  const { cluster, seen, now } = facts(more.options);
  const rest = { volumes: [], operations: [], switching: false, brokenFor: new Map(), ...more };
  return automaticOperation({ cluster, seen, now, ...rest });
};
const broken = (forMs = SETTLED_MS) => new Map([['1004', { proof: 'because', forMs }]]);

test('AU2: a proof that has held is answered by a rebuild that says why', () => {
  expect(decide({ brokenFor: broken(SETTLED_MS - 1) })).toBeUndefined();
  expect(decide({ brokenFor: broken() })).toEqual({
    name: 'demo-rebuildro-1004',
    type: 'RebuildRo',
    parameters: { instance: '1004' },
    reason: 'demo-1003-1004 (1004) is broken: because',
    requester: 'operator',
  });
});

test('AU1: nothing beside an operation, a switch, or a primary that does not work', () => {
  const running = { ...operation('RestartIns'), status: { phase: 'Running' } } as MPDOperation;
  expect(decide({ brokenFor: broken(), operations: [running] })).toBeUndefined();
  expect(decide({ brokenFor: broken(), switching: true })).toBeUndefined();
  const options = { seen: { 1002: { unanswered: 5 } } };
  expect(decide({ brokenFor: broken(), options })).toBeUndefined();
});

test('AU3: an incarnation is rebuilt once, and a cluster twice an hour at most', () => {
  const again = operation('RebuildRo', { requester: 'operator' }, '2026-01-01T00:00:00Z', 'demo-rebuildro-1004');
  expect(decide({ brokenFor: broken(), operations: [again] })).toBeUndefined();
  const recent = (name: string, requester = 'operator') =>
    operation('RebuildRo', { requester }, '2026-01-31T23:30:00Z', name);
  expect(decide({ brokenFor: broken(), operations: [recent('a'), recent('b')] })).toBeUndefined();
  expect(decide({ brokenFor: broken(), operations: [recent('a'), recent('b', 'me')] })).toMatchObject({
    type: 'RebuildRo',
  });
});

test('AU3: whatever breaks, an hour sees two rebuilds at most', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 600 }), { minLength: 1, maxLength: 60 }), (pauses) => {
      const operations: MPDOperation[] = [];
      let at = Date.parse('2026-02-01T00:00:00Z');
      for (const [i, seconds] of pauses.entries()) {
        at += seconds * 1_000;
        const id = String(1004 + 2 * i);
        const { cluster, seen } = facts();
        const entry = { ...cluster.status?.dbInstanceStatus?.['1004'], insId: id };
        const dbInstanceStatus = { 1002: cluster.status?.dbInstanceStatus?.['1002'] ?? {}, [id]: entry };
        const made = automaticOperation({
          cluster: { ...cluster, status: { ...cluster.status, dbInstanceStatus } },
          seen,
          volumes: [],
          operations,
          switching: false,
          brokenFor: new Map([[id, { proof: 'p', forMs: SETTLED_MS }]]),
          now: new Date(at),
        });
        if (made) {
          const { requester } = made;
          operations.push(operation('RebuildRo', { requester }, new Date(at).toISOString(), made.name));
        }
      }
      const times = operations.map(({ metadata }) => Date.parse(metadata.creationTimestamp ?? ''));
      for (const time of times) {
        expect(times.filter((other) => other >= time && other < time + 3_600_000).length).toBeLessThanOrEqual(2);
      }
    }),
  );
});

test('AU4: what was left unfinished goes first', () => {
  const { cluster, seen, now } = facts();
  const entries = cluster.status?.dbInstanceStatus ?? {};
  const dbInstanceStatus = { ...entries, 1008: { insId: '1008', installed: false } };
  const left = { ...cluster, status: { ...cluster.status, dbInstanceStatus } };
  const input = { cluster: left, seen, now, volumes: [], operations: [], switching: false, brokenFor: broken() };
  expect(automaticOperation(input)).toMatchObject({
    name: 'demo-removero-1008',
    type: 'RemoveRo',
    parameters: { instance: '1008' },
  });
});

test('VO2: a volume that gets full asks for each size once', () => {
  const options = { spec: { localStore: { autoGrow: { maxSize: '20Gi' } } } };
  const volumes = [{ claim: 'a', requested: 10 * GI, capacity: 10 * GI, used: 9 * GI, growable: true }];
  expect(decide({ volumes, options })).toMatchObject({
    name: 'demo-extendstorage-12288mi',
    parameters: { size: '12288Mi' },
    requester: 'operator',
  });
  const before = operation('ExtendStorage', {}, undefined, 'demo-extendstorage-12288mi');
  expect(decide({ volumes, options, operations: [before] })).toBeUndefined();
});

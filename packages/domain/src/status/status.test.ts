import type { MPDCluster, MPDClusterStatus, MPDOperation } from '@polarstack/api';
import type { EngineReport } from '@polarstack/contracts';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { membershipFromIds, newInstanceEntries } from '../cluster/members.ts';
import { clusterStatus, isCreated } from './cluster-status.ts';
import { conditionOf } from './conditions.ts';
import { lagBytes, parseLsn } from './lsn.ts';
import type { ClusterSeen, InstanceSeen } from './observation.ts';

const membership = membershipFromIds('demo', 2, 1000);
const ports = { enginePort: 5432, agentPort: 7443, host: false };
const now = '2026-01-01T00:00:00.000Z';
const later = '2026-01-01T00:00:10.000Z';

function cluster(status: MPDClusterStatus = {}, created = true): MPDCluster {
  const entries = newInstanceEntries(membership, 'default', ports);
  const dbInstanceStatus = Object.fromEntries(
    Object.entries(entries).map(([id, entry]) => [id, { ...entry, installed: created }]),
  );
  return {
    apiVersion: 'mpd.polardb.aliyun.com/v1',
    kind: 'MPDCluster',
    metadata: { name: 'demo', namespace: 'default', uid: 'u', generation: 3 },
    spec: {} as MPDCluster['spec'],
    status: { logicId: '1000', dbInstanceStatus, ...status },
  };
}

function instance(id: string, engine: Partial<EngineReport> = {}, more: Partial<InstanceSeen> = {}): InstanceSeen {
  const isPrimary = id === '1002';
  return {
    pod: { phase: 'Running', ready: true, deleting: false, podIP: `10.0.0.${id.slice(-1)}`, nodeName: `node-${id}` },
    clientIP: '192.0.2.1',
    unanswered: 0,
    report: {
      instanceId: id,
      agent: { version: '1', pid: 1, startedAt: now },
      term: { epoch: 1, role: isPrimary ? 'primary' : 'replica' },
      observedAt: now,
      engine: {
        state: 'running',
        role: isPrimary ? 'primary' : 'replica',
        dataDir: '/data',
        configVersion: 1,
        pid: 7,
        lsn: isPrimary ? '0/3000100' : '0/3000000',
        ...(isPrimary ? {} : { streaming: true, receivedLsn: '0/3000080' }),
        ...engine,
      },
    },
    ...more,
  };
}

function seen(changed: Readonly<Record<string, InstanceSeen>> = {}, ready = { rw: 1, ro: 2 }): ClusterSeen {
  const ids = ['1002', '1004', '1006'];
  const endpoint = (which: string, count: number) => ({
    host: '10.9.0.1',
    port: 5432,
    service: `demo-${which}`,
    ready: count,
  });
  return {
    instances: new Map(ids.map((id) => [id, changed[id] ?? instance(id)])),
    endpoints: { rw: endpoint('rw', ready.rw), ro: endpoint('ro', ready.ro), r: endpoint('r', 3) },
  };
}

const compute = (
  given: MPDCluster,
  what: ClusterSeen,
  more: { at?: string; due?: boolean; operation?: MPDOperation } = {},
) =>
  clusterStatus({
    cluster: given,
    seen: what,
    positionsDue: more.due ?? true,
    now: more.at ?? now,
    ...(more.operation && { operation: more.operation }),
  });

const is = (status: MPDClusterStatus, type: Parameters<typeof conditionOf>[1]) => conditionOf(status.conditions, type);

const operation = (type: string, status: MPDOperation['status']): MPDOperation => ({
  apiVersion: 'mpd.polardb.aliyun.com/v1',
  kind: 'MPDOperation',
  metadata: { name: 'op' },
  spec: { cluster: 'demo', type, planOnly: false },
  ...(status && { status }),
});

test('ST3: Ready where everything works and the generation was looked at', () => {
  const status = compute(cluster(), seen());
  expect(status).toMatchObject({ clusterStatus: 'Running', observedGeneration: 3, instances: '3/3', epoch: 1 });
  expect(is(status, 'Ready')).toMatchObject({ status: 'True', observedGeneration: 3, lastTransitionTime: now });
  expect(is(status, 'Available')?.status).toBe('True');
  expect(is(status, 'Degraded')?.status).toBe('False');
  expect(status.dbInstanceStatus?.['1004']).toMatchObject({
    role: 'replica',
    ready: true,
    lsn: '0/3000000',
    receivedLsn: '0/3000080',
    lagBytes: 256,
    streaming: true,
    nodeName: 'node-1004',
    netInfo: { workingHostIP: '10.0.0.4', workingPort: 5432 },
    currentState: { state: 'RUNNING', startAt: now },
    engine: { pid: 7, dataDir: '/data' },
    observedAt: now,
  });
});

test('ST3: any single trouble is named, and takes Ready away; only the primary takes Available', () => {
  const cases: readonly [string, ClusterSeen, boolean][] = [
    ['has no pod', seen({ 1004: { unanswered: 1 } }), true],
    ['does not stream', seen({ 1004: instance('1004', { streaming: false }) }), true],
    ['should be replica', seen({ 1006: instance('1006', { role: 'primary' }) }), true],
    ['the engine is failed: boom', seen({ 1002: instance('1002', { state: 'failed', reason: 'boom' }) }), false],
    ['does not answer', seen({ 1002: instance('1002', {}, { unanswered: 2 }) }), false],
    ['leads nowhere', seen({}, { rw: 0, ro: 2 }), false],
    ['every replica', seen({}, { rw: 1, ro: 1 }), true],
  ];
  for (const [text, what, available] of cases) {
    const status = compute(cluster(), what);
    expect(is(status, 'Ready'), text).toMatchObject({ status: 'False', message: expect.stringContaining(text) });
    expect(is(status, 'Degraded')).toMatchObject({ status: 'True', message: expect.stringContaining(text) });
    expect(is(status, 'Available')?.status, text).toBe(available ? 'True' : 'False');
  }
  // One unanswered question is no news.
  expect(is(compute(cluster(), seen({ 1004: instance('1004', {}, { unanswered: 1 }) })), 'Ready')?.status).toBe('True');
});

test('ST2: the same observation twice changes nothing, and positions wait until they are due', () => {
  const first = compute(cluster(), seen());
  const again = compute(cluster(first), seen(), { at: later });
  expect(again).toEqual(first);
  const moved = seen({
    1002: instance('1002', { lsn: '0/4000000' }),
    1004: instance('1004', { lsn: '0/3FFFFFF', receivedLsn: '0/4000000' }),
  });
  expect(compute(cluster(first), moved, { at: later, due: false })).toEqual(first);
  const due = compute(cluster(first), moved, { at: later, due: true });
  expect(due.dbInstanceStatus?.['1004']).toMatchObject({ lsn: '0/3FFFFFF', lagBytes: 1 });
});

test('ST2: for any observation the second computation equals the first', () => {
  const engine = fc.record(
    {
      state: fc.constantFrom('absent', 'stopped', 'starting', 'running', 'stopping', 'failed'),
      role: fc.constantFrom('primary', 'replica'),
      lsn: fc.constantFrom('0/1', '0/2', '1/0'),
      streaming: fc.boolean(),
      version: fc.constant('15.18'),
      pendingRestart: fc.array(fc.constant('work_mem'), { maxLength: 1 }),
      reason: fc.constant('because'),
    },
    { requiredKeys: ['state'] },
  );
  fc.assert(
    fc.property(engine, engine, fc.boolean(), fc.boolean(), (a, b, due, created) => {
      const what = seen({ 1002: instance('1002', a as never), 1004: instance('1004', b as never) });
      const first = compute(cluster({}, created), what, { due });
      const held = { ...cluster({}, created), status: first };
      expect(compute(held, what, { due, at: later })).toEqual(first);
    }),
  );
});

test('ST1: what is not seen keeps its last value and its time', () => {
  const first = compute(cluster(), seen());
  const blind = compute(cluster(first), seen({ 1004: { unanswered: 9 } }), { at: later });
  expect(blind.dbInstanceStatus?.['1004']).toMatchObject({
    role: 'replica',
    lsn: '0/3000000',
    observedAt: now,
    ready: false,
  });
  const created = compute(cluster({}, false), { ...seen(), instances: new Map() });
  expect(created.dbInstanceStatus?.['1002']?.role).toBeUndefined();
});

test('states follow each other: the last one is kept with its end', () => {
  const first = compute(cluster(), seen());
  const failed = seen({ 1004: instance('1004', { state: 'failed', reason: 'disk full' }) });
  const second = compute(cluster(first), failed, { at: later });
  expect(second.dbInstanceStatus?.['1004']).toMatchObject({
    currentState: { state: 'FAILED', reason: 'disk full', startAt: later },
    lastState: { state: 'RUNNING', startAt: now, finishAt: later },
  });
});

test('names of the original for what a cluster is doing', () => {
  const name = (given: MPDCluster, done?: MPDOperation) =>
    compute(given, seen(), done ? { operation: done } : {}).clusterStatus;
  expect(name(cluster())).toBe('Running');
  expect(name({ ...cluster(), status: {} })).toBe('Init');
  expect(name(cluster({}, false), operation('Create', { phase: 'Running' }))).toBe('Creating');
  expect(name(cluster(), operation('Delete', { phase: 'Running' }))).toBe('Deleting');
  const error = { code: 'Timeout', message: 'too long', remedy: 'wait' };
  const stopped = compute(cluster({}, false), seen(), {
    operation: operation('Create', { phase: 'Interrupted', error }),
  });
  expect(stopped.clusterStatus).toBe('Interrupt');
  expect(is(stopped, 'Progressing')).toMatchObject({
    status: 'False',
    reason: 'Timeout',
    message: expect.stringContaining('wait'),
  });
});

test('times of conditions change with their status only', () => {
  const first = compute(cluster(), seen());
  const second = compute(cluster(first), seen({}, { rw: 0, ro: 2 }), { at: later });
  expect(is(second, 'Ready')?.lastTransitionTime).toBe(later);
  expect(is(second, 'Progressing')?.lastTransitionTime).toBe(now);
});

test('a cluster stays created, ready and available while instances are added or removed', () => {
  const made = cluster();
  const added = {
    insId: '1008',
    physicalInsId: '1007',
    podName: 'demo-1007-1008',
    insType: 'ro',
    installed: false,
  } as const;
  const growing = {
    ...made,
    status: { ...made.status, dbInstanceStatus: { ...made.status?.dbInstanceStatus, 1008: added } },
  };
  expect(isCreated(growing)).toBe(true);
  const status = compute(growing, seen());
  expect(status).toMatchObject({ clusterStatus: 'Running', instances: '3/3', followerNum: 2 });
  expect([is(status, 'Ready')?.status, is(status, 'Available')?.status, is(status, 'Degraded')?.status]).toEqual([
    'True',
    'True',
    'False',
  ]);
  expect(status.dbInstanceStatus?.['1008']).toMatchObject({ installed: false });
});

test('created means that instances were installed', () => {
  expect(isCreated(cluster())).toBe(true);
  expect(isCreated(cluster({}, false))).toBe(false);
  expect(isCreated({})).toBe(false);
});

test('log positions', () => {
  expect(parseLsn('16/B374D848')).toBe(0x16b374d848n);
  expect([parseLsn('nonsense'), parseLsn('1/123456789'), parseLsn(undefined)]).toEqual([
    undefined,
    undefined,
    undefined,
  ]);
  expect(lagBytes('1/0', '0/FFFFFFFF')).toBe(1);
  expect(lagBytes('0/1', '0/2')).toBe(0);
  expect(lagBytes(undefined, '0/2')).toBeUndefined();
});

test('a deletion without an operation object is shown as one, and claims no name', () => {
  const { name: _, ...metadata } = operation('Delete', {}).metadata;
  const status = clusterStatus({
    cluster: cluster({ currentOperation: 'demo-create' }),
    seen: seen(),
    positionsDue: true,
    now,
    operation: { ...operation('Delete', {}), metadata },
  });
  expect(status).toMatchObject({ clusterStatus: 'Deleting', currentOperation: '' });
  expect(conditionOf(status.conditions, 'Progressing')).toMatchObject({
    status: 'True',
    reason: 'Delete',
    message: 'Delete (without an operation object: its namespace is being deleted) is under way',
  });
});

test('what is lost is told first, and degrades a cluster whose instances work', () => {
  const faults = [{ reason: 'AuthorityMissing', message: 'Secret demo-ca is gone' }] as const;
  const status = compute(cluster(), { ...seen(), faults });
  expect(is(status, 'Degraded')).toMatchObject({
    status: 'True',
    reason: 'AuthorityMissing',
    message: 'Secret demo-ca is gone',
  });
  expect(is(status, 'Ready')?.status).toBe('True');
});

import { expect, test } from 'vitest';
import { type FactsOptions, factsOf } from './facts-fixture.ts';
import type { Planned } from './operation-plan.ts';
import { type PlanFacts, planCluster } from './plan-facts.ts';
import { planSteps } from './planners/index.ts';
import { leastMissed } from './planners/remove-ro.ts';

const broken = (reason: string) => (facts: PlanFacts, id: string) => {
  const report = facts.seen.instances.get(id)?.report;
  if (!report) throw new Error('no report');
  return { report: { ...report, engine: { ...report.engine, state: 'failed' as const, reason } } };
};

const withBroken = (id: string, options: FactsOptions = {}): PlanFacts => {
  const facts = factsOf(options);
  return factsOf({ ...options, seen: { ...options.seen, [id]: broken('disk full')(facts, id) } });
};

const names = (planned: Planned): readonly string[] =>
  planned.type === 'plan' ? planned.plan.steps.map(({ name }) => name) : [];
const step = (planned: Planned, name: string) =>
  planned.type === 'plan' ? planned.plan.steps.find((one) => one.name === name) : undefined;
const refusal = (planned: Planned): string | undefined =>
  planned.type === 'refused' ? planned.refusal.code : undefined;

const adding = ['AllocateMembers', 'CreateMembers', 'JoinMembers', 'AdmitMembers'];
const closing = ['VerifyCluster', 'UpdateRunningStatus'];

test('AddRo: ids before objects, a copy before membership; the spec follows where it did not ask', () => {
  const asked = planSteps('AddRo', { count: 2 }, factsOf({ spec: { followerNum: 4 } }));
  expect(names(asked)).toEqual([...adding, ...closing]);
  expect(step(asked, 'AllocateMembers')?.input).toEqual({ wanted: [{}, {}] });
  const direct = planSteps('AddRo', { count: 1, node: 'node-4' }, factsOf());
  expect(names(direct)).toEqual([...adding, 'RecordFollowers', ...closing]);
  expect(step(direct, 'RecordFollowers')?.input).toEqual({ from: 2, to: 3 });
  expect(step(direct, 'AllocateMembers')?.input).toEqual({ wanted: [{ node: 'node-4' }] });
  expect(direct).toMatchObject({ plan: { writePauses: [], restarts: [] } });
});

test('AddRo is refused where it cannot end well', () => {
  expect(refusal(planSteps('AddRo', { count: 14 }, factsOf()))).toBe('OperationInvalid');
  expect(refusal(planSteps('AddRo', { count: 1 }, withBroken('1002')))).toBe('ClusterNotReady');
  expect(refusal(planSteps('AddRo', { count: 1, node: 'node-9' }, factsOf()))).toBe('NodeUnknown');
  const bare = { name: 'bare', schedulable: true, images: [], instances: [] };
  const off = { name: 'off', schedulable: false, images: ['polarstack/postgres:15'], instances: [] };
  const facts = factsOf({ nodes: [bare, off] });
  expect(refusal(planSteps('AddRo', { count: 1, node: 'bare' }, facts))).toBe('NodeUnfit');
  expect(refusal(planSteps('AddRo', { count: 1, node: 'off' }, facts))).toBe('NodeUnfit');
});

test('one that is broken already does not keep an operation from ending, and one that goes is not asked to work', () => {
  expect(names(planSteps('AddRo', { count: 1 }, withBroken('1006'))).slice(-2)).toEqual([
    'RecordFollowers',
    'UpdateRunningStatus',
  ]);
  expect(names(planSteps('RebuildRo', { instance: '1006' }, withBroken('1006'))).slice(-2)).toEqual(closing);
});

test('RemoveRo takes the named one, or those that are missed least: broken, outdated, behind, highest id', () => {
  const named = planSteps('RemoveRo', { instance: 'demo-1003-1004', count: 1 }, factsOf());
  expect(names(named)).toEqual(['RemoveMember-1004', 'RecordFollowers', ...closing]);
  expect(step(named, 'RecordFollowers')?.input).toEqual({ from: 2, to: 1 });
  const fromSpec = planSteps('RemoveRo', { count: 1 }, factsOf({ spec: { followerNum: 1 } }));
  expect(names(fromSpec)).toEqual(['RemoveMember-1006', ...closing]);
  const order = (facts: PlanFacts): readonly string[] => {
    const cluster = planCluster(facts);
    return cluster ? leastMissed(cluster).map(({ instanceId }) => instanceId) : [];
  };
  expect(order(factsOf())).toEqual(['1006', '1004']);
  expect(order(factsOf({ seen: { 1004: { lsn: '0/4000000' } } }))).toEqual(['1004', '1006']);
  expect(order(withBroken('1004', { seen: { 1006: { lsn: '0/1000000' } } }))).toEqual(['1004', '1006']);
  const all = planSteps('RemoveRo', { count: 2 }, factsOf());
  expect(all).toMatchObject({ plan: { risks: [expect.stringContaining('no RO left'), expect.any(String)] } });
});

test('RemoveRo never takes the RW, an unknown one, or more than there are', () => {
  expect(refusal(planSteps('RemoveRo', { instance: '1002', count: 1 }, factsOf()))).toBe('WrongInstance');
  expect(refusal(planSteps('RemoveRo', { instance: '7', count: 1 }, factsOf()))).toBe('InstanceUnknown');
  expect(refusal(planSteps('RemoveRo', { count: 3 }, factsOf()))).toBe('OperationInvalid');
});

test('RemoveRo of one that was never finished takes nothing from the wish of the spec', () => {
  const facts = factsOf();
  const entries = facts.cluster.status?.dbInstanceStatus ?? {};
  const dbInstanceStatus = { ...entries, 1006: { ...entries[1006], installed: false } };
  const left = { ...facts, cluster: { ...facts.cluster, status: { ...facts.cluster.status, dbInstanceStatus } } };
  expect(names(planSteps('RemoveRo', { instance: '1006', count: 1 }, left))).toEqual(['RemoveMember-1006', ...closing]);
});

test('MigrateRo: the new one is a member before the old one goes', () => {
  const planned = planSteps('MigrateRo', { instance: '1004', node: 'node-4' }, factsOf());
  expect(names(planned)).toEqual([...adding, 'RemoveMember-1004', ...closing]);
  expect(step(planned, 'AllocateMembers')?.input).toEqual({ wanted: [{ replaces: '1004', node: 'node-4' }] });
  expect(planned).toMatchObject({
    plan: { moves: [{ instance: '1004', from: 'node-2', to: 'node-4' }], writePauses: [] },
  });
});

test('MigrateRw: the switch goes to the new one, and only then the old one goes; its pause is told', () => {
  const planned = planSteps('MigrateRw', { instance: '1002', node: 'node-4' }, factsOf());
  expect(names(planned)).toEqual([...adding, 'SwitchPrimary', 'RemoveMember-1002', ...closing]);
  expect(step(planned, 'SwitchPrimary')?.input).toEqual({ added: 'AllocateMembers' });
  expect(planned).toMatchObject({ plan: { writePauses: [{ reason: 'switch of the RW' }], restarts: ['1002'] } });
});

test('a move is refused for the wrong role, and to the same, an unknown or an unfit node', () => {
  const rw = (node: string) => refusal(planSteps('MigrateRw', { instance: '1002', node }, factsOf()));
  expect([rw('node-1'), rw('node-7')]).toEqual(['NodeUnfit', 'NodeUnknown']);
  expect(refusal(planSteps('MigrateRw', { instance: '1004', node: 'node-4' }, factsOf()))).toBe('WrongInstance');
  expect(refusal(planSteps('MigrateRo', { instance: '1002', node: 'node-4' }, factsOf()))).toBe('WrongInstance');
  const host = factsOf();
  const entries = Object.entries(host.cluster.status?.dbInstanceStatus ?? {}).map(([id, entry]) => [
    id,
    { ...entry, netInfo: { netType: 'host' } },
  ]);
  const dbInstanceStatus = Object.fromEntries(entries) as never;
  const facts = { ...host, cluster: { ...host.cluster, status: { ...host.cluster.status, dbInstanceStatus } } };
  expect(refusal(planSteps('MigrateRo', { instance: '1004', node: 'node-3' }, facts))).toBe('NodeUnfit');
  expect(refusal(planSteps('RebuildRo', { instance: '1004' }, facts))).toBe('NodeUnfit');
});

test('RebuildRo stays on its node; one whose node is gone is to be migrated', () => {
  const planned = planSteps('RebuildRo', { instance: '1004' }, withBroken('1004'));
  expect(step(planned, 'AllocateMembers')?.input).toEqual({ wanted: [{ replaces: '1004', node: 'node-2' }] });
  expect(planned).toMatchObject({ plan: { moves: [] } });
  const nodes = factsOf().nodes.map((one) => (one.name === 'node-2' ? { ...one, schedulable: false } : one));
  expect(planSteps('RebuildRo', { instance: '1004' }, factsOf({ nodes }))).toMatchObject({
    refusal: { code: 'NodeUnfit', remedy: expect.stringContaining('MigrateRo') },
  });
  expect(refusal(planSteps('RebuildRo', { instance: '1002' }, factsOf()))).toBe('WrongInstance');
});

test("Rebuild: the RW's pod first; an RO that does not come back is copied anew", () => {
  expect(names(planSteps('Rebuild', {}, factsOf()))).toEqual([
    'RecreatePod-1002',
    'RecreatePod-1004',
    'RebuildMember-1004',
    'RecreatePod-1006',
    'RebuildMember-1006',
    ...closing,
  ]);
});

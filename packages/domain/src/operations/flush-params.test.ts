import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type FactsOptions, factsOf } from './facts-fixture.ts';
import type { OperationPlan, Planned, StepPlan } from './operation-plan.ts';
import { standbySensitive } from './parameter-change.ts';
import { planSteps } from './planners/index.ts';

const flush = (options: FactsOptions): Planned => planSteps('FlushParams', {}, factsOf(options));

function planned(options: FactsOptions): OperationPlan {
  const answer = flush(options);
  if (answer.type !== 'plan') throw new Error(JSON.stringify(answer));
  return answer.plan;
}
const names = ({ steps }: OperationPlan): readonly string[] => steps.map(({ name }) => name);
const edit = (value: string) => ({ value, updateTime: '2026-01-20T00:00:00Z' });

test('PC3: what can be reloaded restarts nothing; ROs first', () => {
  const plan = planned({ user: { work_mem: edit('8192') } });
  expect(names(plan)).toEqual([
    'CheckParameters',
    'ApplyParameters-1004-v4',
    'ApplyParameters-1006-v4',
    'ApplyParameters-1002-v4',
    'RecordParameters',
    'VerifyCluster',
    'UpdateRunningStatus',
  ]);
  expect(plan).toMatchObject({ restarts: [], writePauses: [] });
});

test('a restart goes standby first and ends with a switch, which restarts the old RW', () => {
  const plan = planned({ spec: { parameters: { shared_buffers: '96MB' } } });
  expect(names(plan)).toEqual([
    'CheckParameters',
    'ApplyParameters-1004-v4',
    'RestartEngine-1004-v4',
    'ApplyParameters-1006-v4',
    'RestartEngine-1006-v4',
    'ApplyParameters-1002-v4',
    'SwitchPrimary',
    'RecordParameters',
    'VerifyCluster',
    'UpdateRunningStatus',
  ]);
  expect(plan.restarts).toEqual(['1004', '1006', '1002']);
  expect(plan.writePauses).toMatchObject([{ reason: 'switch of the RW' }]);
  const [check] = plan.steps;
  expect(check?.input).toMatchObject({ changed: { shared_buffers: '96MB' } });
});

test('without a replica the RW restarts in place', () => {
  const plan = planned({ replicas: 0, spec: { parameters: { shared_buffers: '96MB' } } });
  expect(names(plan).slice(1, 3)).toEqual(['ApplyParameters-1002-v4', 'RestartEngine-1002-v4']);
  expect(plan.writePauses).toMatchObject([{ reason: 'restart of the RW' }]);
});

test('PC2: a lower max_connections reaches the RW first, and each RO after it has replayed that', () => {
  expect(names(planned({ user: { max_connections: edit('50') } }))).toEqual([
    'CheckParameters',
    'ApplyParameters-1002-v4',
    'RestartEngine-1002-v4',
    'AwaitReplay-1004-v4',
    'ApplyParameters-1004-v4',
    'RestartEngine-1004-v4',
    'AwaitReplay-1006-v4',
    'ApplyParameters-1006-v4',
    'RestartEngine-1006-v4',
    'RecordParameters',
    'VerifyCluster',
    'UpdateRunningStatus',
  ]);
});

test('PC2: one up and one down at once: two rounds, the second begins with the RW of the first', () => {
  const plan = planned({ user: { max_connections: edit('50'), max_wal_senders: edit('64') } });
  const round = (version: number) => names(plan).filter((name) => name.endsWith(`v${version}`));
  expect(round(4)).toEqual([
    'ApplyParameters-1004-v4',
    'RestartEngine-1004-v4',
    'ApplyParameters-1006-v4',
    'RestartEngine-1006-v4',
    'ApplyParameters-1002-v4',
  ]);
  expect(round(5).slice(0, 2)).toEqual(['ApplyParameters-1004-v5', 'RestartEngine-1004-v5']);
  const first = plan.steps.find(({ name }) => name === 'ApplyParameters-1004-v4');
  expect(first?.input?.changed).toEqual({ max_wal_senders: '64' });
});

test('PC1: values out of range, locked, unreadable or inconsistent are refused before a step', () => {
  expect(flush({ user: { work_mem: edit('1') } })).toMatchObject({ refusal: { code: 'ParameterInvalid' } });
  expect(flush({ user: { fsync: edit('off') } })).toMatchObject({ refusal: { code: 'ParameterLocked' } });
  expect(flush({ spec: { parameters: { max_connections: '2' } } })).toMatchObject({
    refusal: { code: 'ParameterInvalid', message: expect.stringContaining('reserved') },
  });
  const facts = factsOf();
  const broken = { ...facts.parameters, broken: [{ key: 'work_mem', reason: 'is not JSON' }] };
  expect(planSteps('FlushParams', {}, { ...facts, parameters: broken })).toMatchObject({
    refusal: { code: 'ParameterInvalid', message: 'demo-user-params: work_mem is not JSON' },
  });
});

test('what is so already needs no step; a wish of the spec that is so is recorded', () => {
  expect(flush({})).toMatchObject({ type: 'nothing' });
  expect(flush({ user: { work_mem: { ...edit('8192'), updateTime: '2025-01-01T00:00:00Z' } } })).toMatchObject({
    type: 'nothing',
  });
  expect(names(planned({ spec: { parameters: { work_mem: '4MB' } } }))).toEqual([
    'RecordParameters',
    'UpdateRunningStatus',
  ]);
});

test('a parameter that the spec no longer names goes back to the default of template and class', () => {
  const plan = planned({
    spec: { parameters: {} },
    status: { appliedSpec: { parameters: { work_mem: '8MB' } } },
  });
  expect(plan.steps[0]?.input?.changed).toEqual({ work_mem: '4MB' });
});

test('PC2: whatever changes, no RO ever runs with less than the RW of a standby-sensitive value', () => {
  const value = fc.integer({ min: 60, max: 200 });
  const edits = fc.record({ max_connections: value, max_wal_senders: value, max_worker_processes: value });
  fc.assert(
    fc.property(edits, fc.integer({ min: 0, max: 3 }), (wanted, replicas) => {
      const user = Object.fromEntries(Object.entries(wanted).map(([name, number]) => [name, edit(String(number))]));
      const facts = factsOf({ replicas, user });
      const answer = planSteps('FlushParams', {}, facts);
      if (answer.type !== 'plan') throw new Error(JSON.stringify(answer));
      const running = new Map([...facts.parameters.running].map(([name, { value: text }]) => [name, text]));
      simulate(answer.plan.steps, running, replicas);
    }),
  );
});

/** Carries a plan out on engines that only know values, and checks each moment. */
function simulate(steps: readonly StepPlan[], running: ReadonlyMap<string, string>, replicas: number): void {
  const ids = Array.from({ length: replicas + 1 }, (_, i) => String(1002 + 2 * i));
  const disk = new Map(ids.map((id) => [id, new Map(running)]));
  const engine = new Map(ids.map((id) => [id, new Map(running)]));
  let primary = '1002';
  const restart = (id: string): void => void engine.set(id, new Map(disk.get(id)));
  for (const { use, input = {}, name } of steps) {
    const id = input.instance as string;
    if (use === 'ApplyParameters') {
      for (const [key, value] of Object.entries(input.changed as Record<string, string>)) disk.get(id)?.set(key, value);
    }
    if (use === 'RestartEngine') restart(id);
    if (use === 'SwitchPrimary') {
      const old = primary;
      primary = input.target as string;
      restart(old);
    }
    for (const other of ids.filter((one) => one !== primary)) {
      for (const key of standbySensitive) {
        const [mine, its] = [engine.get(other)?.get(key), engine.get(primary)?.get(key)];
        expect(Number(mine), `${key} of ${other} after ${name}`).toBeGreaterThanOrEqual(Number(its));
      }
    }
  }
  for (const id of ids) expect(engine.get(id)).toEqual(engine.get(primary));
}

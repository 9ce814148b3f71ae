import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { EngineVersion } from '../catalog/versions.ts';
import { type FactsOptions, factsOf } from './facts-fixture.ts';
import type { OperationPlan, Planned } from './operation-plan.ts';
import { planSteps } from './planners/index.ts';
import { specRequest } from './requests.ts';

const planned = (answer: Planned): OperationPlan => {
  if (answer.type !== 'plan') throw new Error(JSON.stringify(answer));
  return answer.plan;
};
const names = ({ steps }: OperationPlan): readonly string[] => steps.map(({ name }) => name);
const modify = (className: string, options: FactsOptions = {}): Planned =>
  planSteps('ModifyClass', { className }, factsOf(options));

test('a larger class: each RO with its values and its pod, a switch, then the old RW', () => {
  const plan = planned(modify('local.medium'));
  expect(names(plan)).toEqual([
    'CheckParameters',
    'ApplyParameters-1004-v4',
    'RenewPod-1004',
    'ApplyParameters-1006-v4',
    'RenewPod-1006',
    'ApplyParameters-1002-v4',
    'SwitchPrimary',
    'RenewPod-1002',
    'RecordParameters',
    'RecordClass',
    'VerifyCluster',
    'UpdateRunningStatus',
  ]);
  expect(plan.writePauses).toMatchObject([{ reason: 'switch of the RW' }]);
  expect(plan.steps[0]?.input?.changed).toMatchObject({ max_connections: '200', shared_buffers: '512MB' });
  expect(plan.steps[2]?.input).toMatchObject({ instance: '1004', className: 'local.medium' });
});

test('PC2: a smaller class: what standbys may not have less of comes last, to the new RW first', () => {
  const status = { insClassInfo: { className: 'local.medium' } };
  const plan = planned(modify('local.small', { status }));
  const order = names(plan);
  const first = plan.steps.find(({ name }) => name === 'ApplyParameters-1004-v4');
  expect(first?.input?.changed).not.toHaveProperty('max_connections');
  expect(order.indexOf('RenewPod-1002')).toBeLessThan(order.indexOf('ApplyParameters-1004-v5'));
  expect(order.indexOf('RestartEngine-1004-v5')).toBeLessThan(order.indexOf('AwaitReplay-1002-v5'));
  expect(plan.writePauses).toHaveLength(2);
});

test('an RW alone gets its values and its pod in one go', () => {
  const plan = planned(modify('local.medium', { replicas: 0 }));
  expect(names(plan).slice(1, 3)).toEqual(['ApplyParameters-1002-v4', 'RenewPod-1002']);
  expect(plan.writePauses).toMatchObject([{ reason: 'a new pod for the RW' }]);
});

test('PC4: values of the class follow it; what somebody chose stays, also where it is what the class had', () => {
  const parameters = { work_mem: '4MB', maintenance_work_mem: '99MB' };
  const options = { spec: { parameters }, status: { appliedSpec: { parameters } } };
  const user = { temp_buffers: { value: '2048' } };
  const changed = planned(modify('local.medium', { ...options, user })).steps[0]?.input?.changed;
  expect(changed).toHaveProperty('max_connections', '200');
  expect(changed).not.toHaveProperty('work_mem');
  expect(changed).not.toHaveProperty('maintenance_work_mem');
});

test('OP3: what cannot be is refused: unknown classes, too many connections, values too large, broken instances', () => {
  expect(modify('local.none')).toMatchObject({
    refusal: { code: 'ClassUnknown', remedy: expect.stringMatching(/local.small/) },
  });
  const status = { insClassInfo: { className: 'local.medium' } };
  const report = factsOf({ status }).seen.instances.get('1006')?.report;
  if (!report) throw new Error('no report');
  const busy = { 1006: { report: { ...report, engine: { ...report.engine, connections: 98 } } } };
  expect(modify('local.small', { status, seen: busy })).toMatchObject({
    refusal: { code: 'ConnectionsInUse', message: expect.stringMatching(/leaves 95 to users, and .*1006.* has 98/) },
  });
  const parameters = { shared_buffers: '1GB' };
  const large = { status: { ...status, appliedSpec: { parameters } }, spec: { parameters } };
  expect(modify('local.small', large)).toMatchObject({
    refusal: { code: 'ParameterInvalid', message: expect.stringContaining('memory') },
  });
  expect(modify('local.medium', { seen: { 1004: { unanswered: 9 } } })).toMatchObject({
    refusal: { code: 'ClusterNotReady', message: expect.stringContaining('1004') },
  });
});

test('a change that stopped half-way is finished, or taken back, where it stopped', () => {
  const { cluster } = factsOf();
  const entries = cluster.status?.dbInstanceStatus ?? {};
  const half = {
    dbInstanceStatus: { ...entries, 1004: { ...entries[1004], insClassInfo: { className: 'local.medium' } } },
  };
  expect(names(planned(modify('local.medium', { status: half })))).not.toContain('RenewPod-1004');
  const back = names(planned(modify('local.small', { status: half })));
  expect(back.filter((name) => name.startsWith('RenewPod') || name === 'SwitchPrimary')).toEqual(['RenewPod-1004']);
  expect(modify('local.small')).toMatchObject({ type: 'nothing' });
});

const version = (name: string, number: string, major = 15): EngineVersion => ({
  name,
  major,
  version: number,
  image: `polarstack/postgres:${number}`,
});
const versions = [
  version('local-15.19', '15.19'),
  version('local-15.17', '15.17'),
  version('local-16.3', '16.3', 16),
  version('local-odd', '15.newest'),
  version('local-none', '15.20'),
];
const nodes = factsOf().nodes.map((node) => ({
  ...node,
  images: [...node.images, ...versions.filter(({ name }) => name !== 'local-none').map(({ image }) => image)],
}));
const upgrade = (versionName: string | undefined, options: FactsOptions = {}): Planned =>
  planSteps(
    'UpgradeMinorVersion',
    versionName === undefined ? {} : { versionName },
    factsOf({ versions, nodes, ...options }),
  );

test('a later minor version: ROs, a switch, the old RW; each pod knows what it goes back to', () => {
  const plan = planned(upgrade('local-15.19'));
  expect(names(plan)).toEqual([
    'RenewPod-1004',
    'RenewPod-1006',
    'SwitchPrimary',
    'RenewPod-1002',
    'RecordVersion',
    'VerifyCluster',
    'UpdateRunningStatus',
  ]);
  expect(plan.steps[0]?.input).toMatchObject({
    image: 'polarstack/postgres:15.19',
    version: '15.19',
    old: { image: 'polarstack/postgres:15', version: '15.18' },
  });
});

test.each([
  ['local-15.17', 'VersionNotUpgradable', 'downgrade'],
  ['local-16.3', 'VersionNotUpgradable', 'major 15'],
  ['local-odd', 'VersionNotUpgradable', '15.newest'],
  ['local-none', 'VersionNotInstalled', 'has no image'],
  ['local-unheard', 'VersionNotInstalled', 'no version local-unheard'],
])('OP3: %s is refused: %s, %s', (name, code, text) => {
  expect(upgrade(name)).toMatchObject({ refusal: { code, message: expect.stringContaining(text) } });
});

test('an upgrade that stopped half-way goes on without what is done, and may go back', () => {
  const { cluster, seen } = factsOf({ versions, nodes });
  const entries = cluster.status?.dbInstanceStatus ?? {};
  const versionInfo = { engineImage: 'polarstack/postgres:15.19', versionName: 'local-15.19' };
  const report = seen.instances.get('1004')?.report;
  if (!report) throw new Error('no report');
  const half: FactsOptions = {
    status: { dbInstanceStatus: { ...entries, 1004: { ...entries[1004], versionInfo } } },
    seen: { 1004: { report: { ...report, engine: { ...report.engine, version: '15.19' } } } },
  };
  expect(names(planned(upgrade('local-15.19', half)))).not.toContain('RenewPod-1004');
  const before = { ...version('local-15', '15.18'), image: 'polarstack/postgres:15' };
  const back = names(planned(upgrade('local-15', { ...half, versions: [...versions, before] })));
  expect(back.filter((name) => name.startsWith('RenewPod'))).toEqual(['RenewPod-1004']);
});

test('RQ2: the spec asks by versionCfgModifyTo, by versionCfg, and by a minor in engine.version', () => {
  const { cluster } = factsOf();
  const applied = { versionCfg: { versionName: 'local-15' }, parameters: {} };
  const status = { ...cluster.status, appliedSpec: applied };
  const installed = Object.fromEntries(
    Object.entries(status.dbInstanceStatus ?? {}).map(([id, entry]) => [
      id,
      { ...entry, engine: { version: '15.18' } },
    ]),
  );
  const wish = (spec: object) =>
    specRequest({ ...cluster, spec: { ...cluster.spec, ...spec }, status: { ...status, dbInstanceStatus: installed } });
  const versionCfg = { versionName: 'local-15' };
  expect(wish({ versionCfg, versionCfgModifyTo: { versionName: 'x' } })).toMatchObject({
    parameters: { versionName: 'x' },
  });
  expect(wish({ versionCfg: { versionName: 'y' } })).toMatchObject({ parameters: { versionName: 'y' } });
  const exact = wish({ versionCfg, engine: { type: 'postgres', version: '15.19' } });
  expect(exact).toMatchObject({
    type: 'UpgradeMinorVersion',
    parameters: {},
    reason: expect.stringContaining('15.19'),
  });
  expect(wish({ versionCfg, engine: { type: 'postgres', version: '15.18' } })).toBeUndefined();
  const asked = { spec: { engine: { type: 'postgres', version: '15.19' } }, status: { appliedSpec: applied } } as const;
  expect(planned(upgrade(undefined, asked)).steps[0]?.input).toMatchObject({ version: '15.19' });
});

test('OP1: the same facts give the same plan', () => {
  const classes = fc.constantFrom('local.small', 'local.medium', 'local.large');
  fc.assert(
    fc.property(classes, classes, fc.integer({ min: 0, max: 3 }), (from, to, replicas) => {
      const options = { replicas, status: { insClassInfo: { className: from } } };
      expect(modify(to, options)).toEqual(modify(to, options));
      const steps = modify(to, options);
      // No instance is left without its pod, and none gets two.
      if (steps.type === 'plan') {
        const renewed = names(steps.plan).filter((name) => name.startsWith('RenewPod'));
        expect(renewed).toHaveLength(replicas + 1);
        expect(new Set(names(steps.plan)).size).toBe(steps.plan.steps.length);
      }
    }),
  );
});

/** Plans of switches and restarts: what is done, in which order, and what is refused and why. */
import { expect, test } from 'vitest';
import { type FactsOptions, factsOf } from './facts-fixture.ts';
import { planSteps } from './planners/index.ts';

type Type = 'SwitchRw' | 'RestartIns' | 'RestartCluster';
const plan = (type: Type, parameters: object, options: FactsOptions = {}) =>
  planSteps(type, parameters as never, factsOf(options));
const steps = (planned: ReturnType<typeof plan>): readonly string[] =>
  planned.type === 'plan' ? planned.plan.steps.map(({ name }) => name) : [JSON.stringify(planned)];
const closing = ['VerifyCluster', 'UpdateRunningStatus'];

/** What an agent says, with something else of its engine. */
function engine(id: string, more: object) {
  const seen = factsOf().seen.instances.get(id);
  if (!seen?.report) throw new Error(`the fixture has no ${id}`);
  return { [id]: { report: { ...seen.report, engine: { ...seen.report.engine, ...more } } } };
}

test('SwitchRw: to the one that is named, by id or pod, or to the least behind, and the old RW restarts', () => {
  for (const instance of ['1006', 'demo-1005-1006']) {
    const planned = plan('SwitchRw', { instance });
    expect(steps(planned)).toEqual(['SwitchPrimary', ...closing]);
    expect(planned).toMatchObject({
      plan: { restarts: ['1002'], writePauses: [{ expectedMs: 600 }], steps: [{ input: { target: '1006' } }, {}, {}] },
    });
  }
  const seen = { ...engine('1002', { lsn: '0/5000000' }), ...engine('1004', { lsn: '0/4000000' }) };
  expect(plan('SwitchRw', {}, { seen })).toMatchObject({ plan: { steps: [{ input: { target: '1006' } }, {}, {}] } });
  expect(plan('SwitchRw', { instance: '1002' })).toMatchObject({ type: 'nothing' });
});

test.each([
  ['an unknown one', { instance: '9' }, {}, 'InstanceUnknown', undefined],
  ['one far behind', { instance: '1004' }, engine('1004', { lsn: '0/1000000' }), 'NoSwitchTarget', false],
  ['one that does not stream yet', { instance: '1004' }, engine('1004', { streaming: false }), 'NoSwitchTarget', true],
  [
    'one whose engine stands still',
    { instance: '1004' },
    engine('1004', { state: 'stopped' }),
    'NoSwitchTarget',
    false,
  ],
  [
    'none that streams',
    {},
    { ...engine('1004', { streaming: false }), ...engine('1006', { state: 'stopped' }) },
    'NoSwitchTarget',
    true,
  ],
])(
  'OP3, LA4: SwitchRw to %s is refused; only what may pass in a moment is waited for',
  (_, parameters, seen, code, passing) => {
    const planned = plan('SwitchRw', parameters, { seen });
    expect(planned).toMatchObject({ type: 'refused', refusal: { code, remedy: expect.stringMatching(/\S/) } });
    expect(planned.type === 'refused' && planned.passing).toBe(passing);
  },
);

test('SwitchRw of a cluster without ROs is refused, and not waited for', () => {
  expect(plan('SwitchRw', {}, { replicas: 0 })).toMatchObject({
    type: 'refused',
    passing: false,
    refusal: { code: 'NoSwitchTarget' },
  });
});

test('RestartIns: that engine alone, told from a later start by when it was started; writes pause where it is the RW', () => {
  const ro = plan('RestartIns', { instance: '1004' });
  expect(steps(ro)).toEqual(['RestartEngine-1004', ...closing]);
  expect(ro).toMatchObject({ plan: { restarts: ['1004'], writePauses: [], moves: [] } });
  expect(ro).toMatchObject({ plan: { steps: [{ input: { startedAt: '2026-01-01T00:00:01Z' } }, {}, {}] } });
  const rw = plan('RestartIns', { instance: '1002' });
  expect(steps(rw)).toEqual(['RestartEngine-1002', ...closing]);
  expect(rw).toMatchObject({ plan: { writePauses: [{ expectedMs: expect.any(Number) }] } });
  expect(plan('RestartIns', { instance: '9' })).toMatchObject({
    type: 'refused',
    refusal: { code: 'InstanceUnknown' },
  });
});

test('RestartCluster: ROs one after the other, a switch, then the old RW; or all at once', () => {
  const rolling = plan('RestartCluster', { mode: 'rolling' });
  const order = steps(rolling);
  const at = (name: string): number => order.findIndex((step) => step.startsWith(name));
  expect(at('RestartEngine-1004')).toBeGreaterThanOrEqual(0);
  expect(at('SwitchPrimary')).toBeGreaterThan(Math.max(at('RestartEngine-1004'), at('RestartEngine-1006')));
  expect(order.slice(-2)).toEqual(closing);
  expect(rolling).toMatchObject({ plan: { restarts: expect.arrayContaining(['1002', '1004', '1006']) } });
  const all = plan('RestartCluster', { mode: 'all' });
  expect(steps(all)).toEqual(['RestartEngines', ...closing]);
  const alone = plan('RestartCluster', { mode: 'rolling' }, { replicas: 0 });
  expect(steps(alone)).toEqual(['RestartEngine-1002', ...closing]);
});

import { expect, test } from 'vitest';
import { factsOf } from './facts-fixture.ts';
import { planSteps } from './planners/index.ts';
import { asIf } from './what-if.ts';

const { cluster } = factsOf({ spec: { parameters: { work_mem: '8MB', jit: 'off' } } });

test('a patch changes what it names, takes away what is null and leaves the rest', () => {
  const { spec, ...rest } = asIf(cluster, JSON.stringify({ followerNum: 5, parameters: { jit: null, geqo: 'off' } }));
  expect(spec).toEqual({ ...cluster.spec, followerNum: 5, parameters: { work_mem: '8MB', geqo: 'off' } });
  const { spec: before, ...others } = cluster;
  expect(rest).toEqual(others);
  expect(before.parameters).toEqual({ work_mem: '8MB', jit: 'off' });
});

test('without a patch the cluster is itself', () => {
  expect(asIf(cluster, undefined)).toBe(cluster);
});

test('the plan of an edit is that of the edited spec: the wish is in the spec already', () => {
  const facts = factsOf({ spec: { followerNum: 2 } });
  const steps = (of: typeof facts): readonly string[] => {
    const planned = planSteps('AddRo', { count: 1 }, of);
    return planned.type === 'plan' ? planned.plan.steps.map(({ use }) => use) : [];
  };
  expect(steps(facts)).toContain('RecordFollowers');
  expect(steps({ ...facts, cluster: asIf(facts.cluster, '{"followerNum":3}') })).not.toContain('RecordFollowers');
});

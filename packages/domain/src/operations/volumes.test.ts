import fc from 'fast-check';
import { expect, test } from 'vitest';
import { factsOf } from './facts-fixture.ts';
import type { PlanFacts } from './plan-facts.ts';
import { planSteps } from './planners/index.ts';
import { specRequest } from './requests.ts';
import { ceilingReached, growthOf, type VolumeFacts } from './volumes.ts';

const GI = 2 ** 30;
const volume = (pod: string, more: Partial<VolumeFacts> = {}): VolumeFacts => ({
  claim: pod,
  requested: 10 * GI,
  capacity: 10 * GI,
  growable: true,
  className: 'local',
  ...more,
});
const pods = ['demo-1001-1002', 'demo-1003-1004', 'demo-1005-1006'];
const facts = (size: string | undefined, more: Partial<VolumeFacts> = {}, applied = '10Gi'): PlanFacts => ({
  ...factsOf({
    spec: size === undefined ? {} : { localStore: { size } },
    status: { appliedSpec: { parameters: {}, localStore: { size: applied } } },
  }),
  volumes: new Map(pods.map((pod, i) => [pod, volume(pod, i === 1 ? more : {})])),
});

test('every volume grows, and the size is recorded for the spec and for new instances', () => {
  const planned = planSteps('ExtendStorage', { size: '20Gi' }, facts('10Gi'));
  expect(planned).toMatchObject({
    plan: {
      steps: [
        { name: 'ExtendVolumes', input: { size: '20Gi' } },
        { name: 'RecordVolumes', input: { size: '20Gi', before: '10Gi' } },
        { name: 'UpdateRunningStatus' },
      ],
      restarts: [],
      writePauses: [],
    },
  });
  expect(specRequest(facts('20Gi').cluster)).toMatchObject({ type: 'ExtendStorage', parameters: { size: '20Gi' } });
  expect(planSteps('ExtendStorage', {}, facts('20Gi'))).toMatchObject({ type: 'plan' });
  expect(planSteps('ExtendStorage', {}, facts('10Gi'))).toMatchObject({ type: 'nothing' });
});

test('VO1: nothing shrinks; a class that cannot grow, and a missing size, are refused', () => {
  const code = (size: string | undefined, of: PlanFacts) => {
    const planned = planSteps('ExtendStorage', size === undefined ? {} : { size }, of);
    return planned.type === 'refused' ? planned.refusal.code : planned.type;
  };
  expect(code('5Gi', facts('10Gi'))).toBe('VolumeCannotShrink');
  expect(code('15Gi', facts('10Gi', { capacity: 16 * GI }))).toBe('VolumeCannotShrink');
  expect(code('20Gi', facts('10Gi', { growable: false }))).toBe('VolumeCannotGrow');
  expect(code(undefined, facts(undefined))).toBe('OperationInvalid');
});

const growing = (autoGrow: { thresholdPercent?: number; stepPercent?: number; maxSize: string }) =>
  factsOf({ spec: { localStore: { autoGrow } } }).cluster;

test('VO2: a volume that gets full lets all grow by a step, up to the ceiling', () => {
  const cluster = growing({ maxSize: '13Gi' });
  const full = (used: number, size = 10) => [
    volume('a'),
    volume('b', { requested: size * GI, capacity: size * GI, used }),
  ];
  expect(growthOf(cluster, full(8 * GI))).toBeUndefined();
  expect(growthOf(cluster, full(9 * GI))).toEqual({
    size: '12288Mi',
    reason: 'volume b is 90 % full, the threshold is 85 %',
  });
  expect(growthOf(cluster, full(11 * GI, 12))).toMatchObject({ size: '13Gi' });
  expect(growthOf(cluster, full(13 * GI, 13))).toBeUndefined();
  expect(ceilingReached(cluster, full(13 * GI, 13))).toContain('100 % full and has its greatest size, 13Gi');
  expect(growthOf(factsOf().cluster, full(10 * GI))).toBeUndefined();
});

test('VO1, VO2: for any volumes a growth is larger than all of them and within the ceiling', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.integer({ min: 1, max: 200 }), fc.integer({ min: 0, max: 250 })), { minLength: 1 }),
      fc.integer({ min: 1, max: 300 }),
      (sizes, most) => {
        const volumes = sizes.map(([size, used], i) =>
          volume(String(i), { requested: size * GI, capacity: size * GI, used: used * GI }),
        );
        const growth = growthOf(growing({ maxSize: `${most}Gi` }), volumes);
        if (!growth) return;
        const bytes = growth.size.endsWith('Gi')
          ? Number.parseInt(growth.size, 10) * GI
          : Number.parseInt(growth.size, 10) * 2 ** 20;
        expect(bytes).toBeGreaterThan(Math.max(...sizes.map(([size]) => size)) * GI);
        expect(bytes).toBeLessThanOrEqual(most * GI);
      },
    ),
  );
});

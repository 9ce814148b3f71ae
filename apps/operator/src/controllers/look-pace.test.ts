import { expect, test } from 'vitest';
import { createLookPace } from './look-pace.ts';

const pause = (clusters: number, random = 1): number =>
  createLookPace(
    () => clusters,
    () => random,
  )();

test('few clusters at rest are looked at every 3 s, many so that all of them cost the same, each at least every 30 s', () => {
  expect([0, 1, 90].map((clusters) => pause(clusters))).toEqual([3_000, 3_000, 3_000]);
  expect([180, 300, 900].map((clusters) => pause(clusters))).toEqual([6_000, 10_000, 30_000]);
  expect([1_000, 100_000].map((clusters) => pause(clusters))).toEqual([30_000, 30_000]);
});

test('looks of many clusters that began together drift apart', () => {
  expect([0, 0.5, 1].map((random) => pause(900, random))).toEqual([22_500, 26_250, 30_000]);
});

import type { MPDOperation } from '@polarstack/api';
import { expect, test } from 'vitest';
import { factsOf } from '../operations/facts-fixture.ts';
import { prunable } from './retention.ts';

const day = 86_400_000;
const now = new Date('2026-03-01T00:00:00Z');
const ended = (name: string, daysAgo: number, more: Partial<MPDOperation> = {}): MPDOperation => ({
  apiVersion: 'mpd.polardb.aliyun.com/v1',
  kind: 'MPDOperation',
  metadata: { name, namespace: 'default' },
  spec: { cluster: 'demo', type: 'RestartIns', planOnly: false },
  status: { phase: 'Succeeded', finishedAt: new Date(now.getTime() - daysAgo * day).toISOString() },
  ...more,
});
const due = (operations: readonly MPDOperation[], count = 3, days = 30) => {
  const { due: found, next } = prunable(factsOf().cluster, operations, { count, ageMs: days * day }, now);
  return [found.map(({ metadata }) => metadata.name), next?.operation.metadata.name, next && next.ms / day];
};

test('the oldest go, by number and by age; the next one is known', () => {
  const four = [ended('a', 4), ended('b', 1), ended('c', 3), ended('d', 2)];
  expect(due(four)).toEqual([['a'], 'c', 1]);
  expect(due(four, 50, 3)).toEqual([['c', 'a'], 'd', 1]);
  expect(due([])).toEqual([[], undefined, undefined]);
});

test('what is not final, or keeps something from being begun again, stays', () => {
  const old = [
    ended('run', 99, { status: { phase: 'Running' } }),
    ended('hurt', 99, { status: { phase: 'Interrupted', finishedAt: '2025-01-01T00:00:00Z' } }),
    ended('made', 99, { spec: { cluster: 'demo', type: 'Create', planOnly: false } }),
    // The fixture's generation is 2.
    ended('demo-addro-12345678-g2', 99),
    ended('demo-addro-12345678-g1', 99),
  ];
  expect(due(old)[0]).toEqual(['demo-addro-12345678-g1']);
});

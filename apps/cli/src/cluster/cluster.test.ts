import { GROUP, type MPDCluster, type MPDOperation } from '@polarstack/api';
import { StackError } from '@polarstack/base';
import type { Event } from 'kubernetes-types/core/v1.js';
import { describe, expect, test } from 'vitest';
import { createColors } from '../output/colors.ts';
import { clusterView } from './cluster-view.ts';
import { isAbout, sortEvents } from './events.ts';
import { judge } from './follow-operation.ts';
import { createOperationProgress } from './operation-progress.ts';
import { renderStatus } from './render-status.ts';

const cluster = (status: MPDCluster['status'], metadata: MPDCluster['metadata'] = {}): MPDCluster =>
  ({
    apiVersion: `${GROUP}/v1`,
    kind: 'MPDCluster',
    metadata: { name: 'c', namespace: 'default', generation: 2, ...metadata },
    spec: {},
    ...(status === undefined ? {} : { status }),
  }) as MPDCluster;

const operation = (status: MPDOperation['status']): MPDOperation =>
  ({ metadata: { name: 'c-create' }, spec: { cluster: 'c', type: 'Create' }, status }) as MPDOperation;

describe('views', () => {
  test('what is not known is null, and not made up', () => {
    const view = clusterView(cluster({ dbInstanceStatus: { '1': { podName: 'c-1-1', insType: 'rw' } } }));
    expect(view).toMatchObject({ status: 'Pending', version: null, endpoints: { rw: null, ro: null } });
    expect(view.instances[0]).toMatchObject({ role: 'unknown', ready: false, pid: null, lsn: null, lag: null });
  });

  test('a cluster that is being deleted says so', () => {
    const view = clusterView(cluster({ clusterStatus: 'Running' }, { deletionTimestamp: '2026-01-01T00:00:00Z' }));
    expect(view.status).toBe('Deleting');
  });

  test('no clusters: how to make one', () => {
    expect(renderStatus([], createColors(false), new Date())).toContain('polarstack create');
  });
});

describe('judge', () => {
  const conditions = (type: string, status: string, reason: string, observedGeneration = 2) => [
    { type, status, reason, message: `about ${type}`, observedGeneration },
  ];
  const ready = { observedGeneration: 2, conditions: conditions('Ready', 'True', 'Ready') } as MPDCluster['status'];

  test('ready counts only for the present spec', () => {
    expect(judge('Ready', cluster(ready), undefined)).toBe('done');
    expect(judge('Ready', cluster({ ...ready, observedGeneration: 1 }), undefined)).toBe('wait');
    expect(judge('Ready', cluster(undefined), undefined)).toBe('wait');
  });

  test('what the operator refuses ends the waiting with its code; an old refusal does not', () => {
    const refused = { conditions: conditions('Accepted', 'False', 'ClassUnknown') } as MPDCluster['status'];
    const outcome = judge('Ready', cluster(refused), undefined);
    expect(outcome).toBeInstanceOf(StackError);
    expect(outcome).toMatchObject({ code: 'ClassUnknown', message: 'about Accepted' });
    const old = { conditions: conditions('Accepted', 'False', 'ClassUnknown', 1) } as MPDCluster['status'];
    expect(judge('Ready', cluster(old), undefined)).toBe('wait');
  });

  test('a failed operation ends it, with the remedy of the operation', () => {
    const error = { code: 'Internal', message: 'disk full', remedy: 'free some' };
    expect(judge('Ready', cluster(undefined), operation({ phase: 'Failed', error }))).toMatchObject({
      code: 'OperationFailed',
      remedy: 'free some',
    });
    expect(judge('Ready', cluster(undefined), operation({ phase: 'Running' }))).toBe('wait');
  });

  test('gone is done; a deletion that is refused is not', () => {
    expect(judge('Gone', undefined, undefined)).toBe('done');
    expect(judge('Gone', cluster(ready), undefined)).toBe('wait');
    const refused = { conditions: conditions('DeletionRefused', 'True', 'DeletionProtected') } as MPDCluster['status'];
    expect(judge('Gone', cluster(refused), undefined)).toMatchObject({ code: 'DeletionProtected' });
    expect(judge('Ready', undefined, undefined)).toMatchObject({ code: 'NotFound' });
  });
});

test('each news of an operation is shown once', () => {
  const news = createOperationProgress();
  const running = operation({ steps: [{ name: 'A', state: 'Running', attempts: 1 }] });
  expect(news(running)).toEqual([{ kind: 'running', text: 'A' }]);
  expect(news(running)).toEqual([]);
  const retried = operation({
    steps: [{ name: 'A', state: 'Running', attempts: 2, error: { code: 'Timeout', message: 'too slow' } }],
  });
  expect(news(retried)).toEqual([{ kind: 'running', text: 'A  attempt 2: too slow' }]);
  const done = operation({
    steps: [
      {
        name: 'A',
        state: 'Succeeded',
        attempts: 2,
        startedAt: '2026-01-01T00:00:00Z',
        finishedAt: '2026-01-01T00:00:01.25Z',
      },
      { name: 'B', state: 'Pending', attempts: 0 },
    ],
  });
  expect(news(done)).toEqual([{ kind: 'done', text: 'A  1.3 s' }]);
});

describe('events', () => {
  const event = (kind: string, name: string, lastTimestamp?: string): Event => ({
    metadata: { name: 'e', creationTimestamp: '2026-01-01T00:00:05Z' },
    involvedObject: { kind, name },
    ...(lastTimestamp === undefined ? {} : { lastTimestamp }),
  });

  test('belong to the cluster with the longest name that fits', () => {
    const all = ['a', 'a-b', 'other'];
    const about = (kind: string, name: string): string[] => all.filter((each) => isAbout(event(kind, name), each, all));
    expect(about('MPDCluster', 'a')).toEqual(['a']);
    expect(about('Pod', 'a-1-1')).toEqual(['a']);
    expect(about('Pod', 'a-b-1-1')).toEqual(['a-b']);
    expect(about('Pod', 'ab-1-1')).toEqual([]);
    // A cluster that is gone is still known by its name.
    expect(isAbout(event('Pod', 'gone-1-1'), 'gone', all)).toBe(true);
  });

  test('the newest comes last', () => {
    const times = sortEvents([
      event('Pod', 'c'),
      event('Pod', 'b', '2026-01-01T00:00:02Z'),
      event('Pod', 'a', '2026-01-01T00:00:01Z'),
    ]);
    expect(times.map(({ involvedObject }) => involvedObject.name)).toEqual(['a', 'b', 'c']);
  });
});

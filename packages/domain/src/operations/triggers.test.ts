/** Each trigger of the original: key, format, truth words, and what it becomes. Source: facts §2 of the original. */
import type { MPDCluster, MPDOperation } from '@polarstack/api';
import { expect, test } from 'vitest';
import { factsOf } from './facts-fixture.ts';
import { annotationRequest, specRequest } from './requests.ts';
import {
  claimedSteering,
  formatSteering,
  interruptAnnotations,
  STEER_PREFIX,
  steeringAnnotation,
  superseded,
} from './steering-annotations.ts';

const annotated = (annotations: Readonly<Record<string, string>>): MPDCluster => {
  const { cluster } = factsOf();
  return { ...cluster, metadata: { ...cluster.metadata, annotations } };
};
const asked = (annotations: Readonly<Record<string, string>>) => {
  const { request } = annotationRequest(annotated(annotations)) ?? {};
  return request && [request.type, request.parameters];
};

test('truth words are exactly 1, T and true', () => {
  const types = {
    forceRebuild: 'Rebuild',
    restartCluster: 'RestartCluster',
    flushParams: 'FlushParams',
    extendStorage: 'ExtendStorage',
  };
  for (const [key, type] of Object.entries(types)) {
    for (const word of ['1', 'T', 'true']) expect(asked({ [key]: word }), `${key}=${word}`).toEqual([type, {}]);
    for (const word of ['0', 'F', 'false', 'True', 'TRUE', 't', 'yes', '', ' true']) {
      expect(annotationRequest(annotated({ [key]: word })), `${key}=${word}`).toEqual({ key, value: word });
    }
  }
});

test('annotations that name an instance or a node', () => {
  const cases: readonly (readonly [Readonly<Record<string, string>>, unknown])[] = [
    [{ restartIns: '1004' }, ['RestartIns', { instance: '1004' }]],
    [{ restartIns: '' }, undefined],
    [{ switchRw: '1004' }, ['SwitchRw', { instance: '1004' }]],
    // An empty value fires too: the best one is chosen. The present RW is no target.
    [{ switchRw: '' }, ['SwitchRw', {}]],
    [{ switchRw: '1002' }, undefined],
    [{ migrate: '1004|node-4' }, ['MigrateRo', { instance: '1004', node: 'node-4' }]],
    [{ migrate: '1002|node-4' }, ['MigrateRw', { instance: '1002', node: 'node-4' }]],
    [{ migrate: '1004' }, undefined],
    [{ migrate: '1004|' }, undefined],
    [{ migrate: '1004|node-4|x' }, undefined],
    [{ removeIns: '1006' }, ['RemoveRo', { instance: '1006' }]],
    [{ removeIns: '' }, undefined],
  ];
  for (const [annotations, request] of cases) expect(asked(annotations), JSON.stringify(annotations)).toEqual(request);
});

test('several annotations are answered in the order of the original', () => {
  const order = [
    ['forceRebuild', 'T'],
    ['restartCluster', 'T'],
    ['restartIns', '1004'],
    ['flushParams', 'T'],
    ['switchRw', '1004'],
    ['migrate', '1004|node-4'],
    ['removeIns', '1006'],
    ['extendStorage', 'T'],
  ] as const;
  for (let i = 0; i < order.length; i++) {
    // Given in any order.
    const annotations = Object.fromEntries(order.slice(i).toReversed());
    expect(annotationRequest(annotated(annotations))?.key).toBe(order[i]?.[0]);
  }
  expect(annotationRequest(annotated({ tempRoIds: '{}', flushParamsRestartCluster: 'true' }))).toBeUndefined();
});

test('RQ3: edits of the spec, in the order of the original', () => {
  const wish = (spec: Partial<MPDCluster['spec']>, status: Partial<NonNullable<MPDCluster['status']>> = {}) => {
    const request = specRequest(factsOf({ spec, status }).cluster);
    return request && [request.type, request.parameters];
  };
  expect(wish({})).toBeUndefined();
  expect(wish({ classInfoModifyTo: { className: 'local.large' } })).toEqual([
    'ModifyClass',
    { className: 'local.large' },
  ]);
  expect(wish({ classInfoModifyTo: { className: 'local.small' } })).toBeUndefined();
  expect(wish({ classInfoModifyTo: { className: '' } })).toBeUndefined();
  expect(wish({ versionCfgModifyTo: { versionName: 'v2' } })).toEqual(['UpgradeMinorVersion', { versionName: 'v2' }]);
  expect(wish({ versionCfgModifyTo: { versionName: '' } })).toBeUndefined();
  expect(wish({ parameters: { work_mem: '8MB' } })).toEqual(['FlushParams', {}]);
  expect(wish({ followerNum: 4 })).toEqual(['AddRo', { count: 2 }]);
  expect(wish({ followerNum: 1 })).toEqual(['RemoveRo', { count: 1 }]);
  const all = {
    classInfoModifyTo: { className: 'local.large' },
    versionCfgModifyTo: { versionName: 'v2' },
    followerNum: 4,
  };
  expect(wish(all)?.[0]).toBe('ModifyClass');
  expect(wish({ ...all, classInfoModifyTo: { className: '' } })?.[0]).toBe('UpgradeMinorVersion');
});

const operation = (
  name: string,
  type: string,
  status: MPDOperation['status'] = {},
  spec: Partial<MPDOperation['spec']> = {},
): MPDOperation => ({
  apiVersion: 'mpd.polardb.aliyun.com/v1',
  kind: 'MPDOperation',
  metadata: { name, namespace: 'default', creationTimestamp: `2026-01-01T00:00:0${name.length}Z` },
  spec: { cluster: 'demo', type, planOnly: false, ...spec },
  status,
});
const error = { code: 'AgentForbidden', message: 'not you', remedy: 'ask' };
const interrupted = (type: string, more: Partial<MPDOperation['status']> = {}) =>
  operation('a', type, { phase: 'Interrupted', error, workflow: 'operation/1', ...more });

test('SA1: cancelled=true names the operation that holds the cluster; other words mean nothing', () => {
  const running = [operation('a', 'AddRo', { phase: 'Running' }), operation('bb', 'RestartIns')];
  expect(steeringAnnotation(annotated({ cancelled: 'true' }), running)).toMatchObject({
    removes: { cancelled: null },
    request: { action: 'Cancel', operation: 'a' },
  });
  for (const word of ['1', 'T', 'True', 'false', '']) {
    expect(steeringAnnotation(annotated({ cancelled: word }), running)).toBeUndefined();
  }
  const nothing = [operation('a', 'AddRo', { phase: 'Succeeded' })];
  expect(steeringAnnotation(annotated({ cancelled: 'true' }), nothing)?.request).toBeUndefined();
  const deletion = [operation('a', 'Delete', { phase: 'Running' })];
  expect(steeringAnnotation(annotated({ cancelled: 'true' }), deletion)?.request).toBeUndefined();
});

test('SA1: interrupt.recover is anything but F; a rebuild goes on from its first step', () => {
  for (const word of ['T', 'true', '1', 'yes', '']) {
    expect(
      steeringAnnotation(annotated({ 'interrupt.recover': word, 'interrupt.reason': 'x' }), [interrupted('AddRo')]),
    ).toMatchObject({
      removes: { 'interrupt.recover': null, 'interrupt.reason': null },
      request: { action: 'Resume', operation: 'a' },
    });
  }
  expect(steeringAnnotation(annotated({ 'interrupt.recover': 'F' }), [interrupted('AddRo')])).toBeUndefined();
  const recover = annotated({ 'interrupt.recover': 'T' });
  expect(steeringAnnotation(recover, [interrupted('Rebuild')])?.request?.action).toBe('RestartFromFirst');
  expect(steeringAnnotation(recover, [interrupted('Rebuild', { undoing: true })])?.request?.action).toBe('Resume');
  expect(steeringAnnotation(recover, [operation('a', 'AddRo', { phase: 'Running' })])).toMatchObject({
    key: 'interrupt.recover',
  });
  expect(steeringAnnotation(recover, [])?.request).toBeUndefined();
});

test('a claim is read back as it was written, and one that cannot be read is dropped', () => {
  const request = { action: 'Cancel', operation: 'a', requester: 'me' } as const;
  const claims = { [`${STEER_PREFIX}b-1`]: '{"action":"Explode"}', [`${STEER_PREFIX}a-2`]: formatSteering(request) };
  expect(claimedSteering(annotated(claims))).toEqual({ id: 'a-2', request });
  for (const text of ['nonsense', 'null', '{"action":"Explode"}']) {
    expect(claimedSteering(annotated({ [`${STEER_PREFIX}x`]: text }))).toEqual({ id: 'x' });
  }
});

test('SA2: a cluster says why it is interrupted, in the annotations of the original, until it is steered', () => {
  const written = {
    'interrupt.recover': 'F',
    'interrupt.reason': 'AgentForbidden',
    'interrupt.message': 'not you',
    'interrupt.previous.status': 'AddRo',
  };
  expect(interruptAnnotations(annotated({}), [interrupted('AddRo')])).toEqual(written);
  expect(interruptAnnotations(annotated(written), [interrupted('AddRo')])).toBeUndefined();
  expect(interruptAnnotations(annotated({}), [interrupted('Create')])).toMatchObject({
    'interrupt.previous.status': 'Creating',
  });
  const steering = { action: 'Resume', requestId: 'r' } as const;
  const steered = { ...interrupted('AddRo'), spec: { ...interrupted('AddRo').spec, steering } };
  expect(interruptAnnotations(annotated({}), [steered])).toBeUndefined();
  const gone = Object.fromEntries(Object.keys(written).map((key) => [key, null]));
  expect(interruptAnnotations(annotated(written), [operation('a', 'AddRo', { phase: 'Running' })])).toEqual(gone);
  expect(interruptAnnotations(annotated({ forceRebuild: 'T' }), [])).toBeUndefined();
});

test('forceRebuild supersedes what is interrupted, as in the original', () => {
  const rebuild = operation('bb', 'Rebuild', {}, { reason: 'annotation forceRebuild=T' });
  expect(superseded([interrupted('AddRo'), rebuild])).toMatchObject({
    operation: { metadata: { name: 'a' } },
    by: 'bb',
  });
  expect(superseded([operation('a', 'AddRo', { phase: 'Running' }), rebuild])).toBeUndefined();
  expect(superseded([interrupted('AddRo'), operation('bb', 'AddRo')])).toBeUndefined();
  expect(superseded([interrupted('Create'), rebuild])).toBeUndefined();
});

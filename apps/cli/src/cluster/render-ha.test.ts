import { type HaRecord, newRecord } from '@polarstack/ha';
import { expect, test } from 'vitest';
import { haView, renderHaHistory, renderHaStatus } from './render-ha.ts';

const now = new Date('2026-05-01T12:00:00Z');
const fresh = newRecord({
  cluster: { namespace: 'default', name: 'demo', uid: 'u' },
  primary: '1002',
  pods: { 1002: 'demo-1001-1002', 1004: 'demo-1003-1004' },
  now,
});
const failedOver: HaRecord = {
  ...fresh,
  epoch: 2,
  primary: '1004',
  failovers: [{ at: '2026-05-01T11:59:50.000Z', from: '1002', to: '1004' }],
  results: [
    {
      id: 'failover-2',
      kind: 'failover',
      outcome: 'done',
      epoch: 2,
      from: '1002',
      to: '1004',
      pauseMs: 310,
      lostBytes: 0,
      cause: {
        verdict: 'dead',
        instance: '1002',
        seenAt: '2026-05-01T11:59:50.020Z',
        signals: [{ what: 'E1', text: 'the engine ended: ended by SIGKILL', at: '2026-05-01T11:59:50.000Z' }],
        guards: [],
      },
      at: '2026-05-01T11:59:51.000Z',
    },
  ],
};

test('a cluster at rest: who is primary, that failover is automatic, and who could take over', () => {
  expect(renderHaStatus(haView(fresh, now))).toBe(
    [
      'primary    1002, epoch 1',
      'failover   automatic',
      'limit      0 of 3 failovers in ten minutes',
      '',
      'INSTANCE   ROLE      POD              NODE   ELECTABLE',
      '1002       primary   demo-1001-1002   -      yes',
      '1004       replica   demo-1003-1004   -      yes',
      '',
    ].join('\n'),
  );
});

test('after a failover: the last one, and until when the next one is held back', () => {
  const view = haView(failedOver, now);
  expect(view).toMatchObject({ failovers: { lastTenMinutes: 1, most: 3 }, last: { kind: 'failover' } });
  const text = renderHaStatus(view);
  expect(text).toContain('failover   held back: the last failover began at 2026-05-01T11:59:50.000Z');
  expect(text).toContain('from 1002 to 1004, epoch 2: done, because its engine ended');
  expect(haView(failedOver, new Date('2026-05-01T12:20:00Z')).heldBack).toBeNull();
});

test('paused and manual are said before anything else', () => {
  const paused = { failover: { by: 'ada', at: '2026-05-01T10:00:00.000Z' } };
  expect(renderHaStatus(haView({ ...failedOver, settings: { paused } }, now))).toContain(
    'failover   paused by ada since 2026-05-01T10:00:00.000Z',
  );
  expect(renderHaStatus(haView({ ...fresh, settings: { mode: 'manual', paused } }, now))).toContain(
    'failover   manual: nothing fails over by itself',
  );
});

test('what is under way says why and what it waits for', () => {
  const running: HaRecord = {
    ...fresh,
    switch: {
      id: 'failover-2',
      kind: 'failover',
      step: 'S3',
      from: '1002',
      to: '1004',
      epoch: 2,
      origin: '1002',
      chosen: '1004',
      reason: '',
      requester: 'high-availability',
      deadline: '2026-05-01T12:01:00.000Z',
      evidence: [],
      times: {},
      cause: failedOver.results[0]?.cause ?? expect.fail('no cause'),
      trouble: { code: 'AgentUnreachable', message: 'its agent is silent', remedy: '', since: now.toISOString() },
    },
  };
  expect(renderHaStatus(haView(running, now))).toContain(
    'under way  failover from 1002 to 1004, at S3: the engine ended: ended by SIGKILL\n           waits: its agent is silent\n',
  );
});

test('the history: a paragraph for each, with what was seen and what was lost', () => {
  const text = renderHaHistory(failedOver.results);
  expect(text.split('\n')[0]).toContain('failover failover-2 from 1002 to 1004, epoch 2: done');
  expect(text).toContain('\n  seen: 2026-05-01T11:59:50.000Z 1002: the engine ended: ended by SIGKILL (E1)\n');
  expect(text).toContain('\n  writes paused for 310 ms\n  lost: nothing\n');
  expect(renderHaHistory([])).toBe('No primary has been switched yet.\n');
});

import type { AgentStatus, EngineReport } from '@polarstack/contracts';
import { describe, expect, test } from 'vitest';
import { type HaRecord, newRecord } from '../record/record.ts';
import { requestSwitch } from '../record/request.ts';
import { advance, nextAction } from './advance.ts';
import { MAX_LAG_BYTES } from './checks.ts';
import type { SwitchEvent } from './events.ts';
import { PROMOTION_PATIENCE_MS } from './failed.ts';
import type { MemberLook } from './look.ts';

const now = new Date('2026-01-01T00:00:00.000Z');
const later = (ms: number): Date => new Date(now.getTime() + ms);
const base = newRecord({
  cluster: { namespace: 'default', name: 'demo', uid: 'u' },
  primary: 'a',
  pods: { a: 'pod-a', b: 'pod-b', c: 'pod-c' },
  now,
});
const ask = (target?: string): HaRecord =>
  requestSwitch(base, {
    id: 'x',
    kind: 'switchover',
    ...(target === undefined ? {} : { target }),
    reason: '',
    requester: '',
    at: now.toISOString(),
    deadline: later(1_000).toISOString(),
  });

const engine: EngineReport = {
  state: 'running',
  dataDir: '/d',
  configVersion: 1,
  systemId: 's',
  timeline: 1,
  version: '15.4',
  lsn: '0/5000000',
};
const peers = ['b', 'c'].map((instanceId) => ({
  instanceId,
  state: 'streaming',
  sentLsn: '0/0',
  flushLsn: '0/0',
  replayLsn: '0/0',
}));
const status = (id: string, change: Partial<EngineReport> = {}, more: Partial<AgentStatus> = {}): MemberLook => ({
  status: {
    instanceId: id,
    agent: { version: '1', pid: 1, startedAt: '' },
    term:
      id === 'a'
        ? { epoch: 1, role: 'primary' }
        : {
            epoch: 1,
            role: 'replica',
            upstream: { instanceId: 'a', host: 'h', port: 1, serverName: 'pod-a', slot: 's' },
          },
    engine: {
      ...engine,
      role: id === 'a' ? 'primary' : 'replica',
      ...(id === 'a' ? { peers } : { streaming: true }),
      ...change,
    },
    observedAt: '',
    ...more,
  },
});
const look = (change: Readonly<Record<string, MemberLook>> = {}): ReadonlyMap<string, MemberLook> =>
  new Map(Object.entries({ a: status('a'), b: status('b'), c: status('c'), ...change }));
const looked = (seen = look()): SwitchEvent => ({ kind: 'looked', request: 'x', look: seen });

/** The record at a step of an untroubled switch to b. */
function at(step: string): HaRecord {
  let record = advance(ask('b'), looked(), now).record;
  const evidence = {
    instanceId: 'a',
    epoch: 2,
    bootId: 'x',
    cleanStop: true,
    systemId: 's',
    timeline: 1,
    lsn: '0/5000000',
    at: now.toISOString(),
  };
  const events: readonly ((of: { id: string; step: 'S1'; epoch: number }) => SwitchEvent)[] = [
    (of) => ({ kind: 'prepared', of }),
    (of) => ({ kind: 'stopped', of }),
    (of) => ({
      kind: 'fenced',
      of,
      evidence,
      look: new Map([['b', status('b', { lsn: '0/5000078', streaming: false })]]),
    }),
    (of) => ({ kind: 'promoted', of }),
    (of) => ({ kind: 'verified', of }),
    (of) => ({ kind: 'routed', of }),
    (of) => ({ kind: 'followed', of }),
    (of) => ({ kind: 'rejoined', of, left: {} }),
  ];
  for (const event of events) {
    const { switch: running } = record;
    if (!running || running.step === step) return record;
    record = advance(record, event({ id: 'x', step: running.step as 'S1', epoch: running.epoch }), now).record;
  }
  return record;
}
const tag = (record: HaRecord) => ({
  id: record.switch?.id ?? '',
  step: record.switch?.step ?? 'S1',
  epoch: record.switch?.epoch ?? 0,
});
const trouble = { code: 'EngineTimeout', message: 'it takes too long', remedy: 'wait' };

describe('before anything is done', () => {
  test.each([
    ['C2-primary-answers', 'PrimaryUnfit', { a: { unreachable: 'gone' } }],
    ['C3-primary-works', 'PrimaryUnfit', { a: status('a', { state: 'failed' }) }],
    ['C4-primary-in-epoch', 'PrimaryUnfit', { a: status('a', {}, { term: { epoch: 3, role: 'primary' } }) }],
    [
      'C5-primary-free',
      'PrimaryUnfit',
      { a: status('a', {}, { task: { id: 't', kind: 'restart', state: 'running', startedAt: '' } }) },
    ],
    ['T2-answers', 'SwitchTargetUnfit', { b: { unreachable: 'gone' } }],
    ['T3-runs-as-replica', 'SwitchTargetUnfit', { b: status('b', { state: 'starting' }) }],
    ['T4-follows-this-primary', 'SwitchTargetUnfit', { b: status('b', {}, { term: { epoch: 1, role: 'primary' } }) }],
    ['T5-same-database', 'SwitchTargetUnfit', { b: status('b', { systemId: 'other' }) }],
    ['T6-same-timeline', 'SwitchTargetUnfit', { b: status('b', { timeline: 2 }) }],
    ['T7-same-major', 'SwitchTargetUnfit', { b: status('b', { version: '16.1' }) }],
    ['T8-streams', 'SwitchTargetUnfit', { b: status('b', { streaming: false }) }],
    ['T9-replays', 'SwitchTargetUnfit', { b: status('b', { replayPaused: true, reason: 'paused' }) }],
    [
      'T10-lag',
      'SwitchTargetUnfit',
      { a: status('a', { lsn: `0/${(0x5000000 + MAX_LAG_BYTES + 1).toString(16).toUpperCase()}` }) },
    ],
    [
      'T11-free',
      'SwitchTargetUnfit',
      { b: status('b', {}, { task: { id: 't', kind: 'rewind', state: 'running', startedAt: '' } }) },
    ],
  ] as const)('%s holds or the request is refused', (guard, code, change) => {
    const { record, reasons, action } = advance(ask('b'), looked(look(change)), now);
    expect(reasons.find(({ holds }) => !holds)).toMatchObject({ guard });
    expect(record.results).toMatchObject([{ id: 'x', outcome: 'refused', code, message: expect.stringMatching(/\S/) }]);
    expect([record.switch, record.request, action]).toEqual([undefined, undefined, undefined]);
    expect([record.epoch, record.primary]).toEqual([1, 'a']);
  });

  test('a minor version may differ: that is how one is upgraded', () => {
    const { record } = advance(ask('b'), looked(look({ b: status('b', { version: '15.9' }) })), now);
    expect(record.switch?.to).toBe('b');
  });

  test('of several replicas the furthest is taken, of equals the lowest id; of none each says why not', () => {
    expect(advance(ask(), looked(), now).record.switch?.to).toBe('b');
    const further = look({ c: status('c', { lsn: '0/5000100' }) });
    expect(advance(ask(), looked(further), now).record.switch?.to).toBe('c');
    const none = look({ b: { unreachable: 'off' }, c: status('c', { streaming: false }) });
    const { results } = advance(ask(), looked(none), now).record;
    expect(results).toMatchObject([{ code: 'NoSwitchTarget' }]);
    expect(results[0]?.message).toMatch(/agent of b .*off.*c does not stream/);
  });

  test('a request whose time is over, or that changes nothing, is answered without a switch', () => {
    expect(advance(ask('b'), looked(), later(2_000)).record.results).toMatchObject([{ code: 'SwitchDeadline' }]);
    expect(advance(ask('a'), looked(), now).record.results).toMatchObject([{ outcome: 'done', to: 'a' }]);
  });
});

describe('a switch', () => {
  test('each state asks for its effect; the epoch changes at the commit alone (M1)', () => {
    const kinds = ['prepare', 'stop', 'fence', 'promote', 'verify', 'route', 'follow', 'rejoin'];
    const steps = ['S1', 'S2', 'S3', 'S5', 'S6', 'S7', 'S8', 'S9'];
    for (const [i, step] of steps.entries()) {
      const record = at(step);
      expect(nextAction(record)?.kind).toBe(kinds[i]);
      expect([record.epoch, record.primary]).toEqual(i < 3 ? [1, 'a'] : [2, 'b']);
    }
    const done = at('S10');
    expect(done.switch).toBeUndefined();
    expect(done.results).toMatchObject([{ outcome: 'done', epoch: 2, from: 'a', to: 'b', pauseMs: 0 }]);
    expect(done.epochs.at(-1)).toMatchObject({
      epoch: 2,
      primary: 'b',
      parent: 1,
      parentTimeline: 1,
      forkLsn: '0/5000078',
    });
  });

  test('M5: an event of another step, switch or epoch changes nothing', () => {
    const record = at('S5');
    for (const of of [
      { ...tag(record), step: 'S3' as const },
      { ...tag(record), id: 'y' },
      { ...tag(record), epoch: 3 },
    ])
      expect(advance(record, { kind: 'promoted', of }, now).record).toBe(record);
    expect(advance(record, looked(), now).record).toBe(record);
  });

  test('M1: evidence against somebody else, or for another epoch, commits nothing', () => {
    const record = at('S3');
    const evidence = {
      instanceId: 'c',
      epoch: 2,
      bootId: 'x',
      cleanStop: true,
      systemId: 's',
      timeline: 1,
      lsn: '0/1',
      at: '',
    };
    const fenced = (change: object): SwitchEvent => ({
      kind: 'fenced',
      of: tag(record),
      evidence: { ...evidence, ...change },
      look: look(),
    });
    expect(() => advance(record, fenced({}), now)).toThrow('none against a');
    expect(() => advance(record, fenced({ instanceId: 'a', epoch: 3 }), now)).toThrow('none against a');
  });

  test('M2: what fails before the stop is refused; what fails after it resumes the old primary', () => {
    const early = at('S1');
    expect(
      advance(early, { kind: 'failed', of: tag(early), trouble, answered: true }, now).record.results,
    ).toMatchObject([{ outcome: 'refused', code: 'EngineTimeout' }]);
    const stopping = at('S2');
    const back = advance(stopping, { kind: 'failed', of: tag(stopping), trouble, answered: true }, now);
    expect(back.action).toMatchObject({ kind: 'resume', from: 'a' });
    // It may have stopped all the same: that is no reason to go on.
    expect(advance(back.record, { kind: 'stopped', of: tag(stopping) }, now).record).toBe(back.record);
    const resumed = advance(back.record, { kind: 'resumed', of: tag(stopping) }, now).record;
    expect(resumed).toMatchObject({
      epoch: 1,
      primary: 'a',
      results: [{ outcome: 'failed', code: 'SwitchWithdrawn' }],
    });
    expect(resumed.switch).toBeUndefined();
  });

  test('M3, M6: from the fence on nothing is taken back, and the record says what is waited for, once', () => {
    const record = at('S3');
    const lost: SwitchEvent = { kind: 'failed', of: tag(record), trouble, answered: false };
    const waiting = advance(record, lost, now).record;
    expect(waiting.switch).toMatchObject({ step: 'S3', trouble: { code: 'EngineTimeout', since: now.toISOString() } });
    expect(advance(waiting, lost, later(60_000)).record).toBe(waiting);
    expect(nextAction(waiting)).toMatchObject({ kind: 'fence', of: { epoch: 2 } });
  });

  test.each([
    ['has not replayed everything', status('b', { lsn: '0/5000000' }), true],
    ['does not answer', { unreachable: 'gone' } as MemberLook, true],
    ['is of another database', status('b', { lsn: '0/5000078', systemId: 'other' }), true],
    ['has left recovery', status('b', { lsn: '0/5000078', role: 'primary' }), true],
    ['is fine, but the old primary did not end in order', status('b', { lsn: '0/5000078' }), false],
  ])('M4: where the chosen one %s, the old primary goes on in the new epoch', (_, b, cleanStop) => {
    const record = at('S3');
    const evidence = {
      instanceId: 'a',
      epoch: 2,
      bootId: 'x',
      cleanStop,
      systemId: 's',
      timeline: 1,
      lsn: '0/5000000',
      at: now.toISOString(),
    };
    const { record: next } = advance(record, { kind: 'fenced', of: tag(record), evidence, look: look({ b }) }, now);
    expect(next).toMatchObject({
      epoch: 2,
      primary: 'a',
      switch: { step: 'S5', to: 'a', turned: { code: 'SwitchReturned' } },
    });
    expect(next.epochs.at(-1)?.forkLsn).toBeUndefined();
  });

  test("S8': one that answers and fails for long is given up for a further epoch, and needs evidence itself", () => {
    const record = at('S5');
    const failing: SwitchEvent = { kind: 'failed', of: tag(record), trouble, answered: true };
    expect(advance(record, failing, later(PROMOTION_PATIENCE_MS - 1)).record.epoch).toBe(2);
    expect(advance(record, { ...failing, answered: false }, later(600_000)).action?.kind).toBe('promote');
    const gone = look({ a: { unreachable: 'off' }, c: status('c', { lsn: '0/4000000' }) });
    const alone = advance(record, { ...failing, look: gone }, later(PROMOTION_PATIENCE_MS)).record;
    expect(alone).toMatchObject({ epoch: 2, switch: { step: 'S5', trouble: { code: 'NoSwitchTarget' } } });
    expect(alone.switch?.trouble?.message).toMatch(/nobody else can take over.*c has replayed to/);
    const seen = look({ a: status('a', { state: 'stopped' }) });
    const { record: next, action } = advance(record, { ...failing, look: seen }, later(PROMOTION_PATIENCE_MS));
    expect(action).toMatchObject({ kind: 'fence', from: 'b', of: { epoch: 3 } });
    const evidence = {
      instanceId: 'b',
      epoch: 3,
      bootId: 'x',
      cleanStop: true,
      systemId: 's',
      timeline: 2,
      lsn: '0/5000200',
      at: now.toISOString(),
    };
    const fenced = (seen: ReadonlyMap<string, MemberLook>): SwitchEvent => ({
      kind: 'fenced',
      of: tag(next),
      evidence,
      look: seen,
    });
    const origin = status('a', { state: 'stopped' });
    expect(advance(next, fenced(look({ a: origin })), now).record).toMatchObject({ epoch: 3, primary: 'a' });
    const without = look({ a: { unreachable: 'off' }, c: status('c', { lsn: '0/5000078' }) });
    expect(advance(next, fenced(without), now).record).toMatchObject({ epoch: 3, primary: 'c' });
    // E-C: everybody has vanished since: the one that failed goes on trying, in the epoch that its evidence is of.
    expect(advance(next, fenced(gone), now).record).toMatchObject({
      epoch: 3,
      primary: 'b',
      switch: { step: 'S5', to: 'b' },
    });
  });
});

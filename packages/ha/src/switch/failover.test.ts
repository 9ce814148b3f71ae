/** What a failure of the primary makes of each state of the machine, event by event. */
import type { AgentStatus, FenceEvidence } from '@polarstack/contracts';
import { describe, expect, test } from 'vitest';
import type { Judgement } from '../failover/verdict.ts';
import { type HaRecord, newRecord, type Switch, type SwitchStep } from '../record/record.ts';
import { advance } from './advance.ts';
import type { SwitchEvent } from './events.ts';
import { LOSS_PATIENCE_MS, PROMOTION_PATIENCE_MS, RESUME_PATIENCE_MS, START_PATIENCE_MS } from './failed.ts';
import type { MemberLook } from './look.ts';

const now = new Date('2026-01-01T00:00:00.000Z');
const at = now.toISOString();
const later = (ms: number): Date => new Date(now.getTime() + ms);
const base = newRecord({
  cluster: { namespace: 'default', name: 'demo', uid: 'u' },
  primary: 'a',
  pods: { a: 'pod-a', b: 'pod-b', c: 'pod-c' },
  now,
});
const judgement = (change: Partial<Judgement> = {}): Judgement => ({
  verdict: 'dead',
  instance: 'a',
  epoch: 1,
  reasons: [{ guard: 'V4-engine-lives', holds: false, text: 'the engine of a ended' }],
  signals: [{ what: 'E1', text: 'the engine ended', at }],
  candidates: [{ id: 'b' }, { id: 'c' }],
  ...change,
});
const suspected = (change?: Partial<Judgement>): SwitchEvent => ({ kind: 'suspected', judgement: judgement(change) });
const switchover = (step: SwitchStep, change: Partial<Switch> = {}): Switch => ({
  id: 'x',
  kind: 'switchover',
  step,
  from: 'a',
  to: 'b',
  epoch: 2,
  base: 1,
  origin: 'a',
  chosen: 'b',
  reason: '',
  requester: 'me',
  deadline: at,
  evidence: [],
  times: { S0: at, S1: at, S2: at },
  ...change,
});
const status = (id: string, engine: Partial<AgentStatus['engine']> = {}, epoch = 1, upstream = 'a'): MemberLook => ({
  status: {
    instanceId: id,
    agent: { version: '1', pid: 1, startedAt: '' },
    term: {
      epoch,
      role: 'replica',
      upstream: { instanceId: upstream, host: 'h', port: 1, serverName: 's', slot: 's' },
    },
    engine: {
      state: 'running',
      role: 'replica',
      dataDir: '/d',
      configVersion: 1,
      systemId: 's',
      timeline: 1,
      lsn: '0/50000F0',
      receivedLsn: '0/5000100',
      startedAt: '2025-12-31T00:00:00.000Z',
      ...engine,
    },
    observedAt: at,
  },
});
const evidence: FenceEvidence = {
  instanceId: 'a',
  epoch: 2,
  bootId: 'x',
  cleanStop: false,
  systemId: 's',
  timeline: 1,
  lsn: '0/4000000',
  walEnd: '0/5000100',
  at,
};
const begun = advance(base, suspected(), now).record;
const elected = (look: Readonly<Record<string, MemberLook>>, change: Partial<FenceEvidence> = {}, record = begun) =>
  advance(
    record,
    {
      kind: 'fenced',
      of: { id: 'failover-2', step: 'S3', epoch: 2 },
      evidence: { ...evidence, ...change },
      look: new Map(Object.entries(look)),
    },
    now,
  ).record;

test('a suspicion writes the intent with what was seen, and asks for the fence', () => {
  const { record, action, reasons } = advance(base, suspected(), now);
  expect(record).toMatchObject({
    epoch: 1,
    primary: 'a',
    switch: {
      id: 'failover-2',
      kind: 'failover',
      step: 'S3',
      from: 'a',
      epoch: 2,
      cause: { verdict: 'dead', seenAt: at },
    },
  });
  expect(action).toMatchObject({ kind: 'fence', from: 'a', of: { epoch: 2 } });
  expect(reasons.map(({ guard }) => guard)).toContain('H5-somebody-could');
});

test('H-C: one about another primary or epoch, or of no failure, moves nothing', () => {
  for (const change of [{ instance: 'b' }, { epoch: 2 }, { verdict: 'silent' }, { verdict: 'busy' }] as const)
    expect(advance(base, suspected(change), now).record).toBe(base);
});

describe('M7: a failure during a switch', () => {
  test('S1: the request is refused and a failover begins, in one write; held back, the switch goes on', () => {
    const record: HaRecord = { ...base, switch: switchover('S1') };
    const next = advance(record, suspected(), now).record;
    expect(next).toMatchObject({
      results: [{ id: 'x', outcome: 'refused', code: 'PrimaryUnfit' }],
      switch: { kind: 'failover', step: 'S3', epoch: 2 },
    });
    const manual: HaRecord = { ...record, settings: { mode: 'manual' } };
    expect(advance(manual, suspected(), now).record).toBe(manual);
  });

  test('S2: the switch goes on as a failover, with the target that was asked for', () => {
    const record: HaRecord = { ...base, settings: { mode: 'manual' }, switch: switchover('S2') };
    for (const event of [
      suspected(),
      { kind: 'ended', of: { id: 'x', step: 'S2', epoch: 2 }, how: 'killed' } as const,
    ]) {
      const next = advance(record, event, now);
      expect(next.record.switch).toMatchObject({
        id: 'x',
        kind: 'failover',
        step: 'S3',
        chosen: 'b',
        cause: { verdict: 'dead' },
      });
      expect(next.action).toMatchObject({ kind: 'fence', from: 'a' });
    }
  });

  test('S2, taken back: one that cannot be resumed is given up after a while, with evidence', () => {
    const withdrawn = { code: 'SwitchWithdrawn', message: 'm', remedy: 'r', since: at };
    const record: HaRecord = { ...base, switch: switchover('S2', { withdrawn }) };
    const failed = (code: string, answered: boolean): SwitchEvent => ({
      kind: 'failed',
      of: { id: 'x', step: 'S2', epoch: 2 },
      trouble: { code, message: 'it does not start', remedy: '' },
      answered,
    });
    const soon = advance(record, failed('EngineStartFailed', true), later(RESUME_PATIENCE_MS - 1)).record;
    expect(soon.switch).toMatchObject({ step: 'S2', withdrawn, trouble: { code: 'EngineStartFailed' } });
    expect(advance(soon, failed('AgentUnreachable', false), later(600_000)).record.switch?.step).toBe('S2');
    const given = advance(soon, failed('EngineTimeout', true), later(RESUME_PATIENCE_MS)).record;
    expect(given.switch).toMatchObject({ kind: 'failover', step: 'S3', epoch: 2 });
    expect(given.switch?.withdrawn).toBeUndefined();
  });

  test.each(['S8', 'S9'] as const)('%s: the switch is over, and a failover from the new primary begins', (step) => {
    const record: HaRecord = {
      ...base,
      epoch: 2,
      primary: 'b',
      switch: switchover(step, { times: { S0: at, S2: at, S8: at } }),
    };
    const next = advance(record, suspected({ instance: 'b', epoch: 2, candidates: [{ id: 'c' }] }), now).record;
    expect(next).toMatchObject({
      results: [{ id: 'x', outcome: 'done', to: 'b', left: { b: expect.stringMatching(/dead/) } }],
      switch: { id: 'failover-3', from: 'b', to: 'c', epoch: 3, base: 2 },
    });
  });

  test.each(['S3', 'S5', 'S6', 'S7'] as const)('%s: the switch itself sees to it', (step) => {
    const record: HaRecord = { ...base, switch: switchover(step) };
    expect(advance(record, suspected(), now).record).toBe(record);
  });
});

describe('the election after an unclean end', () => {
  const far = status('c', { receivedLsn: '0/5000100' });
  test('E-A: whoever has received up to the end, also what is not replayed yet; of several the lowest id', () => {
    expect(elected({ b: status('b'), c: far })).toMatchObject({
      epoch: 2,
      primary: 'b',
      switch: { step: 'S5', lostBytes: 0, chosen: 'b' },
    });
    expect(elected({ b: status('b', { receivedLsn: '0/50000FF' }), c: far }).primary).toBe('c');
  });

  test('who lost the primary twice of late is the last choice', () => {
    const failovers = [0, 1].map(() => ({ at, from: 'b', to: 'a' }));
    expect(elected({ b: status('b'), c: far }, {}, { ...begun, failovers }).primary).toBe('c');
    expect(elected({ b: status('b') }, {}, { ...begun, failovers }).primary).toBe('b');
  });

  test.each<[string, MemberLook, Partial<FenceEvidence>?]>([
    ['K1-electable', status('b')],
    ['K2-answers', { unreachable: 'gone' }],
    ['K3-runs-as-replica', status('b', { role: 'primary' })],
    ['K4-follows-this-epoch', status('b', { receivedLsn: '0/6000000' }, 2)],
    ['K4-follows-this-epoch', status('b', { receivedLsn: '0/6000000' }, 1, 'c')],
    ['K5-same-database', status('b', { systemId: 'other' })],
    ['K6-no-other-line', status('b', { timeline: 2, receivedLsn: '0/6000000' })],
    ['K7-settled', status('b', { startedAt: '2025-12-31T23:59:51.000Z' })],
    ['K8-has-everything', status('b', { receivedLsn: '0/50000FF' })],
    ['K8-has-everything', status('b'), { walEnd: undefined } as unknown as Partial<FenceEvidence>],
  ])('E-A: %s, or the old primary goes on in place', (guard, b, change) => {
    const member = base.members.b;
    const members =
      guard === 'K1-electable' && member ? { ...begun.members, b: { ...member, electable: false } } : begun.members;
    const next = elected({ b }, change, { ...begun, members });
    expect(next).toMatchObject({ epoch: 2, primary: 'a', switch: { step: 'S5', to: 'a', lostBytes: 0 } });
    expect(next.switch?.candidates?.find(({ id }) => id === 'b')).toMatchObject({
      guard,
      why: expect.stringMatching(/\S/),
    });
  });

  const inPlace = elected({ b: status('b', { receivedLsn: '0/5000000' }) });
  const fails = (code: string, ms: number, look?: Readonly<Record<string, MemberLook>>, record = inPlace) =>
    advance(
      record,
      {
        kind: 'failed',
        of: { id: 'failover-2', step: 'S5', epoch: 2 },
        trouble: { code, message: 'it ends at once', remedy: '' },
        answered: true,
        ...(look && { look: new Map(Object.entries(look)) }),
      },
      later(ms),
    ).record;
  const short = { b: status('b', { lsn: '0/5000000', receivedLsn: '0/5000000' }) };

  test("S8': a start that fails is given up sooner than a recovery that takes its time, and a loss is accepted later than none", () => {
    const steps = (code: string, ms: number, look: Readonly<Record<string, MemberLook>>) =>
      [ms - 1, ms].map((after) => fails(code, after, look).switch?.step);
    expect(steps('EngineStartFailed', START_PATIENCE_MS, { b: status('b') })).toEqual(['S5', 'S3']);
    expect(steps('EngineTimeout', PROMOTION_PATIENCE_MS, { b: status('b') })).toEqual(['S5', 'S3']);
    expect(steps('EngineStartFailed', PROMOTION_PATIENCE_MS, short)).toEqual(['S5', 'S3']);
    expect(steps('EngineTimeout', LOSS_PATIENCE_MS, short)).toEqual(['S5', 'S3']);
    expect(fails('EngineTimeout', LOSS_PATIENCE_MS - 1, short).switch?.trouble?.message).toMatch(
      /nobody else has everything/,
    );
  });

  test('E-A, I13: the loss is counted, and one above the limit leaves it waiting, saying for what', () => {
    const again = fails('EngineStartFailed', PROMOTION_PATIENCE_MS, short);
    const next = advance(
      again,
      {
        kind: 'fenced',
        of: { id: 'failover-2', step: 'S3', epoch: 3 },
        evidence: { ...evidence, epoch: 3 },
        look: new Map(Object.entries(short)),
      },
      later(PROMOTION_PATIENCE_MS),
    ).record;
    expect(next).toMatchObject({ epoch: 3, primary: 'b', switch: { lostBytes: 256 } });
    expect(next.epochs.at(-1)).toMatchObject({ parent: 2, forkLsn: '0/5000000', lostBytes: 256 });
    const strict = fails('EngineStartFailed', PROMOTION_PATIENCE_MS, short, {
      ...inPlace,
      settings: { maxLossBytes: 255 },
    });
    expect(strict.switch).toMatchObject({ step: 'S5', to: 'a', trouble: { code: 'NoSwitchTarget' } });
    expect(strict.switch?.trouble?.message).toMatch(
      /at most 255 bytes may be lost: b has the WAL up to 0\/5000000 and lacks 256 bytes/,
    );
  });

  test('where the end of the WAL is not known no distance to it is: nobody is elected by it', () => {
    const blind = elected(short, { walEnd: undefined } as unknown as Partial<FenceEvidence>);
    expect(fails('EngineStartFailed', PROMOTION_PATIENCE_MS, short, blind).switch).toMatchObject({
      step: 'S5',
      to: 'a',
    });
  });
});

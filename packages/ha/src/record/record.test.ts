import { isStackError } from '@polarstack/base';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { addMember, removeMember, setElectable } from './members.ts';
import { parseRecord, renderRecord } from './parse.ts';
import { rebuildRecord } from './rebuild.ts';
import { type HaRecord, newRecord, RESULTS_KEPT, type Switch, withResult } from './record.ts';
import { requestSwitch, settleRequest, withdrawRequest } from './request.ts';

const now = new Date('2026-01-01T00:00:00.000Z');
const at = now.toISOString();
const cluster = { namespace: 'default', name: 'demo', uid: 'u' };
const pods = { a: 'pod-a', b: 'pod-b', c: 'pod-c' };
const fresh = newRecord({ cluster, primary: 'a', pods, now });
const asked = { id: 'x', kind: 'switchover', reason: 'why', requester: 'me', at, deadline: at } as const;
const running: Switch = {
  ...asked,
  step: 'S5',
  from: 'a',
  to: 'b',
  epoch: 2,
  origin: 'a',
  chosen: 'b',
  evidence: [
    { kind: 'F1', instanceId: 'a', epoch: 2, bootId: 'boot', cleanStop: true, lsn: '0/3000028', timeline: 1, at },
  ],
  times: { S0: at, S1: at, S2: at, S3: at, S4: at, S5: at },
  trouble: { code: 'AgentUnreachable', message: 'm', remedy: 'r', since: at },
};
// Its type has more fields than a switch: only those of the record are kept.
const { at: _, ...switching } = running as Switch & { at?: string };
const code = (work: () => unknown): string | undefined => {
  try {
    work();
    return undefined;
  } catch (error) {
    if (isStackError(error)) return error.code;
    throw error;
  }
};

describe('as text', () => {
  test('what is written is read: of every state', () => {
    const result = {
      id: 'y',
      outcome: 'failed',
      code: 'SwitchWithdrawn',
      message: '',
      remedy: '',
      pauseMs: 3,
      left: { a: 'w' },
      times: { S0: at },
      at,
    } as const;
    const full: HaRecord = withResult(
      { ...fresh, epoch: 2, primary: 'b', switch: switching, request: { ...asked, id: 'z', target: 'c' } },
      result,
    );
    const cause = {
      verdict: 'dead',
      instance: 'a',
      seenAt: at,
      signals: [{ what: 'E1', text: 'killed', at }],
      guards: [{ guard: 'V4-engine-lives', holds: false, text: 'the engine of a ended' }],
    } as const;
    const candidates = [
      { id: 'b', position: '0/3000060', missingBytes: 0 },
      { id: 'c', guard: 'K2-answers', why: 'gone' },
    ];
    const failover = { cause, candidates, lostBytes: 16 };
    const failed: HaRecord = {
      ...withResult(full, { ...result, id: 'failover-2', kind: 'failover', evidence: switching.evidence, ...failover }),
      switch: {
        ...switching,
        ...failover,
        kind: 'failover',
        base: 1,
        withdrawn: { code: 'c', message: 'm', remedy: 'r', since: at },
      },
      epochs: [
        ...fresh.epochs,
        { epoch: 2, primary: 'b', parent: 1, parentTimeline: 1, forkLsn: '0/3000060', lostBytes: 16, at },
      ],
      failovers: [{ at, from: 'a', to: 'b' }],
      settings: {
        mode: 'manual',
        maxLossBytes: 0,
        minFailoverGapMs: 0,
        maxFailovers: 0,
        paused: { failover: { by: 'me', at } },
        resumed: { failover: { by: 'me', at } },
      },
    };
    for (const record of [fresh, full, failed]) expect(parseRecord(renderRecord(record))).toEqual(record);
  });

  test('R4: a newer form is refused as such, whatever else it holds', () => {
    expect(code(() => parseRecord('{"schema":2,"strange":true}'))).toBe('HaRecordNewer');
  });

  test('what people may have done to it is refused, naming the field', () => {
    const broken = (change: object): string => JSON.stringify({ ...fresh, ...change });
    for (const [text, field] of [
      ['', 'JSON'],
      ['[]', 'object'],
      [broken({ epoch: 0 }), 'epoch'],
      [broken({ epoch: '1' }), 'epoch'],
      [broken({ primary: 'z' }), 'z is none of the members'],
      [broken({ members: { a: { pod: 'p' } } }), 'members.a.electable'],
      [broken({ stranger: 1 }), 'stranger'],
      [broken({ epochs: [{ epoch: 9, primary: 'a', at }] }), 'above its epoch'],
      [broken({ switch: { ...switching, step: 'S4' } }), 'switch.step'],
      [broken({ switch: { ...switching, kind: 'other' } }), 'switch.kind'],
      [broken({ switch: { ...switching, cause: { verdict: 'silent' } } }), 'switch.cause.verdict'],
      [broken({ settings: { mode: 'off' } }), 'settings.mode'],
      [broken({ settings: { maxLossBytes: -1 } }), 'settings.maxLossBytes'],
      [broken({ settings: { maxlossbytes: 1 } }), 'settings.maxlossbytes'],
      [broken({ failovers: [{ at, from: 'a' }] }), 'failovers[0].to'],
      [broken({ failovers: Array.from({ length: 21 }, () => ({ at, from: 'a', to: 'b' })) }), 'failovers'],
    ] as const) {
      expect(() => parseRecord(text), text).toThrow(field);
      expect(code(() => parseRecord(text))).toBe('HaRecordInvalid');
    }
  });

  test('no text makes it throw anything else', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
        expect(['HaRecordInvalid', 'HaRecordNewer', undefined]).toContain(code(() => parseRecord(text)));
      }),
    );
  });
});

describe('members', () => {
  test('come, change and go; the primary stays, and is no question of eligibility', () => {
    const more = addMember(fresh, 'd', { pod: 'pod-d', node: 'node-1' }, now);
    expect(more.members.d).toEqual({ pod: 'pod-d', node: 'node-1', electable: true, since: at });
    expect(addMember(more, 'd', { pod: 'pod-d', node: 'node-1' }, now)).toBe(more);
    expect(removeMember(more, 'd').members).toEqual(fresh.members);
    expect(removeMember(fresh, 'd')).toBe(fresh);
    expect(setElectable(fresh, 'b', false).members.b?.electable).toBe(false);
    expect(setElectable(fresh, 'b', true)).toBe(fresh);
    expect(code(() => removeMember(fresh, 'a'))).toBe('MemberIsPrimary');
    expect(code(() => setElectable(fresh, 'a', false))).toBe('MemberIsPrimary');
    expect(code(() => setElectable(fresh, 'z', false))).toBe('InstanceUnknown');
  });

  test('stay as they are while a switch stands', () => {
    const busy: HaRecord = { ...fresh, switch: switching };
    expect(code(() => addMember(busy, 'd', { pod: 'p' }, now))).toBe('SwitchRunning');
    expect(code(() => removeMember(busy, 'c'))).toBe('SwitchRunning');
    expect(code(() => setElectable(busy, 'c', false))).toBe('SwitchRunning');
  });
});

describe('requests', () => {
  test('the same one twice is one; an answered one is none; another one is refused', () => {
    const once = requestSwitch(fresh, asked);
    expect(requestSwitch(once, asked)).toBe(once);
    expect(code(() => requestSwitch(once, { ...asked, id: 'y' }))).toBe('SwitchRunning');
    const busy: HaRecord = { ...fresh, switch: switching };
    expect(requestSwitch(busy, asked)).toBe(busy);
    expect(code(() => requestSwitch(busy, { ...asked, id: 'y' }))).toBe('SwitchRunning');
    const answered = withResult(once, { id: 'x', outcome: 'done', at });
    expect(answered.request).toBeUndefined();
    expect(requestSwitch(answered, asked)).toBe(answered);
    expect(code(() => requestSwitch(fresh, { ...asked, target: 'z' }))).toBe('InstanceUnknown');
    expect(withdrawRequest(once, 'x')).toEqual(fresh);
    expect(withdrawRequest(once, 'y')).toBe(once);
  });

  test('one that somebody wrote beside a switch is answered, and the switch goes on', () => {
    const beside: HaRecord = { ...fresh, switch: switching, request: { ...asked, id: 'y' } };
    const settled = settleRequest(beside, now);
    expect(settled.switch).toEqual(switching);
    expect(settled.request).toBeUndefined();
    expect(settled.results).toMatchObject([{ id: 'y', outcome: 'refused', code: 'SwitchRunning' }]);
    expect(settleRequest(settled, now)).toBe(settled);
  });

  test('R5: results are kept by number', () => {
    let record = fresh;
    for (let i = 0; i < RESULTS_KEPT + 5; i++) record = withResult(record, { id: `r${i}`, outcome: 'done', at });
    expect(record.results.map(({ id }) => id)).toEqual(Array.from({ length: RESULTS_KEPT }, (_, i) => `r${i + 5}`));
  });
});

describe('a lost record', () => {
  const replica = (epoch: number) => ({ term: { epoch, role: 'replica' } as const });
  const primary = (epoch: number) => ({ term: { epoch, role: 'primary' } as const });
  const rebuild = (
    of: Readonly<Record<string, Parameters<typeof rebuildRecord>[1] extends ReadonlyMap<string, infer V> ? V : never>>,
  ) => rebuildRecord({ cluster, pods, now }, new Map(Object.entries(of)));

  test('the primary of the highest epoch goes on, above whatever was sent to anybody', () => {
    expect(rebuild({ a: primary(3), b: primary(4), c: replica(4) })).toMatchObject({ primary: 'b', epoch: 5 });
    expect(rebuild({ a: { ...primary(4), fence: 7 }, b: replica(4), c: replica(3) })).toMatchObject({
      primary: 'a',
      epoch: 8,
    });
  });

  test('nothing is made of a part of the memories, or of such as name no one', () => {
    expect(code(() => rebuild({ a: primary(3), b: replica(3) }))).toBe('HaRecordMissing');
    expect(code(() => rebuild({ a: primary(3), b: primary(3), c: replica(3) }))).toBe('HaRecordMissing');
    expect(code(() => rebuild({ a: primary(3), b: replica(4), c: replica(4) }))).toBe('HaRecordMissing');
    expect(code(() => rebuild({ a: {}, b: {}, c: {} }))).toBe('HaRecordMissing');
  });
});

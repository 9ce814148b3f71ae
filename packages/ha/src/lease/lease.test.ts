import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { blocks } from './failsafe.ts';
import { adopt, answered, ask, bootGate, echoed, fireAt, isLive, keptByPromises, newHolder } from './holder.ts';
import { beganEpoch, leaseProof, newBook, renew } from './owner.ts';
import { checkProfile, leaseProfiles } from './profile.ts';
import { accept, introduce, promise, restarted, standing, type TermFile } from './term-file.ts';

const profile = leaseProfiles.default;
const file: TermFile = { epoch: 3, role: 'primary', generation: 2, step: 5, bootId: 'b1', session: 's1' };
const terms = { epoch: 3, primary: 'a', maxTtlMs: profile.ttlMs };
const asked = (holder = newHolder('a', file), nowMs = 1_000) => {
  const asking = ask(holder, profile, nowMs, false);
  if (!asking.request) throw new Error(asking.why);
  return { holder: asking.holder, request: asking.request };
};
const answer = (number: number, more = {}) => ({
  session: 's1',
  epoch: 3,
  number,
  generation: 2,
  ttlMs: profile.ttlMs,
  ...more,
});

describe('profiles', () => {
  test('each keeps the rule', () => {
    for (const one of Object.values(leaseProfiles)) expect(checkProfile(one)).toEqual([]);
  });

  test('one that breaks the rule is told by how much', () => {
    expect(checkProfile({ ...profile, ttlMs: 4_900 })).toEqual([
      'a TTL of 4900 ms is below 4 x renew + kill budget + margin = 5000 ms',
    ]);
    expect(checkProfile({ ...profile, ttlMs: 60_000 })[0]).toContain('a margin of 500 ms is below');
    expect(checkProfile({ ...profile, renewMs: Number.NaN })[0]).toContain('renewMs');
  });
});

describe('holder', () => {
  test('I6: the deadline counts from before the request was sent, however late its answer comes', () => {
    const { holder } = asked();
    expect(answered(holder, answer(1)).deadlineMs).toBe(1_000 + profile.ttlMs);
  });

  test('I6: answers out of order never bring a deadline forward or back to an older one', () => {
    const first = asked();
    const second = asked(first.holder, 2_000);
    const late = answered(answered(second.holder, answer(2)), answer(1));
    expect(late.deadlineMs).toBe(2_000 + profile.ttlMs);
  });

  test.each([
    ['unasked', answer(7)],
    ['of another session', answer(1, { session: 's0' })],
    ['of another epoch', answer(1, { epoch: 4 })],
    ['of an owner that was overtaken (H2)', answer(1, { generation: 1 })],
  ])('H1: an answer %s grants nothing', (_, one) => {
    const { holder } = asked();
    expect(answered(holder, one)).toBe(holder);
  });

  test('H1: one request is answered once', () => {
    const { holder } = asked();
    const once = answered(holder, answer(1));
    expect(answered(once, answer(1))).toBe(once);
  });

  test('I6: nothing is asked for before the dead-man has echoed the deadline', () => {
    const granted = answered(asked().holder, answer(1));
    expect(ask(granted, profile, 2_000, false)).toMatchObject({ request: undefined });
    expect(ask(echoed(granted, 7_000), profile, 2_000, false).request).toMatchObject({ number: 2, holds: true });
    expect(ask(echoed(granted, 6_999), profile, 2_000, false).request).toBeUndefined();
  });

  test('H3: whose disk hangs asks for nothing', () => {
    expect(ask(newHolder('a', file), profile, 0, true).request).toBeUndefined();
  });

  test('H4: the boot gate opens for a term, a grant and an armed dead-man together', () => {
    const failing = (...args: Parameters<typeof bootGate>) =>
      bootGate(...args).flatMap(({ guard, holds }) => (holds ? [] : guard));
    const fresh = newHolder('a', file);
    expect(failing(file, fresh, profile, 0)).toEqual(['B3-grant', 'B4-dead-man']);
    const granted = answered(asked().holder, answer(1));
    expect(failing(file, granted, profile, 1_500)).toEqual(['B4-dead-man']);
    const armed = echoed(granted, 7_000);
    expect(failing(file, armed, profile, 1_500)).toEqual([]);
    expect(failing(file, armed, profile, fireAt(7_000, profile))).toEqual(['B3-grant']);
    expect(failing(undefined, armed, profile, 1_500)).toEqual(['B1-term', 'B2-role']);
    expect(failing({ ...file, epoch: 4, role: 'sealed' }, armed, profile, 1_500)).toEqual(['B2-role']);
  });

  test('I10: a new life of the agent goes on with what the dead-man knows', () => {
    const again = adopt(newHolder('a', file), 7_000, 2);
    expect(isLive(again, profile, 6_000)).toBe(true);
    expect(asked(again, 2_000).request).toMatchObject({ number: 2, holds: true });
    expect(answered(asked(again, 2_000).holder, answer(1)).deadlineMs).toBe(7_000);
  });
});

describe('term file', () => {
  test('T1: epoch, generation and step never go down', () => {
    const guard = (epoch: number, generation: number, step: number) => {
      const verdict = accept(file, { epoch, generation, step }, 'sealed', 0);
      return verdict.ok ? verdict.file : verdict.guard;
    };
    expect(guard(2, 9, 9)).toBe('T1-epoch');
    expect(guard(3, 1, 9)).toBe('T1-generation');
    expect(guard(4, 1, 9)).toBe('T1-generation');
    expect(guard(3, 2, 4)).toBe('T1-step');
    expect(guard(3, 2, 5)).toMatchObject({ epoch: 3, role: 'sealed' });
    expect(guard(3, 3, 1)).toMatchObject({ generation: 3, step: 1 });
    expect(guard(4, 2, 1)).toMatchObject({ epoch: 4, step: 1 });
  });

  test('T2: without a file nothing but an introduction is carried out, and nothing promised', () => {
    const one = { epoch: 4, generation: 3, step: 3 };
    expect(accept(undefined, one, 'sealed', 0)).toMatchObject({ guard: 'T2-no-term' });
    expect(promise(undefined, 3, profile, { nowMs: 0, reachesOwner: false })).toMatchObject({ guard: 'T2-no-term' });
    const introduced = introduce(one, { bootId: 'b2', session: 's2' }, { nowMs: 100, lengthMs: 6_500 });
    expect(introduced).toMatchObject({ epoch: 4, role: 'sealed' });
    // It may have promised something before it lost its file.
    const up = { epoch: 5, generation: 3, step: 3 };
    expect(accept(introduced, up, 'sealed', 6_599)).toMatchObject({ guard: 'T3-promised' });
    expect(accept(introduced, up, 'sealed', 6_600)).toMatchObject({ ok: true });
  });

  test('T3: under promise a higher epoch needs proof', () => {
    const given = promise(file, 3, profile, { nowMs: 100, reachesOwner: false });
    if (!given.ok || given.kind !== 'promise') throw new Error('no promise');
    const up = { epoch: 4, generation: 2, step: 3 };
    expect(accept(given.file, up, 'sealed', 6_599)).toMatchObject({ guard: 'T3-promised' });
    expect(accept(given.file, { ...up, proof: 'F1' }, 'sealed', 6_599)).toMatchObject({ ok: true });
    expect(accept(given.file, up, 'sealed', 6_600)).toMatchObject({ ok: true, file: { epoch: 4 } });
    expect(accept(given.file, { ...up, epoch: 3, step: 6 }, 'primary', 200)).toMatchObject({
      ok: true,
      file: { promise: { epoch: 3 } },
    });
  });

  test('T3: who reaches the owner relays, and who is of another epoch promises nothing', () => {
    expect(promise(file, 3, profile, { nowMs: 0, reachesOwner: true })).toMatchObject({ kind: 'relay' });
    expect(promise(file, 2, profile, { nowMs: 0, reachesOwner: false })).toMatchObject({ guard: 'T1-epoch' });
  });

  test('T4 and T5: after a restart a promise counts as just given, and another boot is another session', () => {
    const given = promise(file, 3, profile, { nowMs: 900_000, reachesOwner: false });
    if (!given.ok || given.kind !== 'promise') throw new Error('no promise');
    const booted = restarted(given.file, 'b2', 's2', 10);
    expect(booted).toMatchObject({ session: 's2', bootId: 'b2', promise: { untilMs: 6_510 } });
    expect(standing(booted, 6_509)).toBeDefined();
    expect(standing(booted, 6_510)).toBeUndefined();
    expect(restarted(given.file, 'b1', 's2', 901_000)).toMatchObject({ session: 's1', promise: { untilMs: 907_500 } });
  });
});

describe('owner', () => {
  const at = (nowMs: number, owns = true) => ({ nowMs, owns });
  const { request } = asked();

  test('O1: only while it owns, for the epoch and primary of the record, and while no higher epoch is intended', () => {
    const guard = (book: ReturnType<typeof renew>) => (book.answer ? 'granted' : book.guard);
    const book = newBook(0, 1);
    const held = { ...request, holds: true };
    expect(guard(renew(book, held, terms, profile, at(10)))).toBe('granted');
    expect(guard(renew(book, held, terms, profile, at(10, false)))).toBe('O1-owner');
    expect(guard(renew(book, { ...held, epoch: 2 }, terms, profile, at(10)))).toBe('O1-epoch');
    expect(guard(renew(book, held, { ...terms, primary: 'b' }, profile, at(10)))).toBe('O1-primary');
    expect(guard(renew(book, held, { ...terms, intends: 4 }, profile, at(10)))).toBe('O1-intent');
    expect(guard(renew(book, held, { ...terms, maxTtlMs: 5_000 }, profile, at(10)))).toBe('O3-largest');
  });

  test('O2: a second session waits until the grant of the first has ended', () => {
    const first = renew(beganEpoch(newBook(0, 1), 3), request, terms, profile, at(10_000));
    const clone = { ...request, session: 's2' };
    expect(renew(first.book, clone, terms, profile, at(16_499))).toMatchObject({ guard: 'O2-session' });
    expect(renew(first.book, clone, terms, profile, at(16_500)).answer).toBeDefined();
    // Who took over lately does not know the first one.
    expect(renew(newBook(10_000, 2), clone, terms, profile, at(16_499))).toMatchObject({ guard: 'O2-session' });
    expect(renew(newBook(10_000, 2), { ...clone, holds: true }, terms, profile, at(10_001)).answer).toBeDefined();
  });

  test('O3: F4 waits for what an owner before may have answered, and for what this one has', () => {
    const proof = (book: ReturnType<typeof newBook>, nowMs: number, more = {}) =>
      leaseProof(book, 'a', { ...terms, ...more }, profile, { nowMs, owns: true, deadMan: true });
    expect(proof(newBook(1_000, 2), 7_499).holds).toBe(false);
    expect(proof(newBook(1_000, 2), 7_500).holds).toBe(true);
    expect(proof(newBook(1_000, 2), 7_500, { maxTtlMs: 15_000 }).atMs).toBe(16_500);
    const { book } = renew(newBook(1_000, 2), { ...request, holds: true }, terms, profile, at(5_000));
    expect(proof(book, 11_499).holds).toBe(false);
    expect(proof(book, 11_500).holds).toBe(true);
    // Nobody before it can have granted anything in an epoch that it committed itself.
    expect(proof(beganEpoch(newBook(1_000, 2), 3), 1_000).holds).toBe(true);
  });

  test('O4: never for grants without end, and never without a dead-man', () => {
    const book = newBook(0, 2);
    const proof = (maxTtlMs: number, deadMan: boolean) =>
      leaseProof(book, 'a', { epoch: 3, maxTtlMs }, profile, { nowMs: 1e12, owns: true, deadMan });
    expect(proof(Number.POSITIVE_INFINITY, true)).toMatchObject({ holds: false, atMs: Number.POSITIVE_INFINITY });
    expect(proof(6_000, false).reasons.find(({ holds }) => !holds)?.guard).toBe('L2-dead-man');
    const began = beganEpoch(book, 3);
    const unlimited = { epoch: 3, maxTtlMs: Number.POSITIVE_INFINITY };
    expect(
      leaseProof(began, 'a', unlimited, profile, { nowMs: 1e12, owns: true, deadMan: true }).holds,
      'also where nothing was answered yet',
    ).toBe(false);
  });
});

describe('failsafe', () => {
  const set = (...ids: string[]) => new Set(ids);

  test('async: every electable member but itself must promise', () => {
    const electorate = { mode: 'async', electable: ['a', 'b', 'c'] } as const;
    expect(blocks('a', set('b'), electorate)).toBe(false);
    expect(blocks('a', set('b', 'c'), electorate)).toBe(true);
    expect(blocks('a', set(), { mode: 'async', electable: ['a'] }), 'nobody could be promoted').toBe(true);
  });

  test('sync: k members of one published configuration of its own', () => {
    const c = { version: 1, epoch: 3, primary: 'a', k: 1, members: ['b', 'c'] };
    expect(blocks('a', set('c'), { mode: 'sync', configurations: [c] })).toBe(true);
    expect(blocks('a', set('d'), { mode: 'sync', configurations: [c] })).toBe(false);
    expect(blocks('b', set('c'), { mode: 'sync', configurations: [c] })).toBe(false);
    expect(blocks('a', set(), { mode: 'sync', configurations: [{ ...c, k: 0 }] })).toBe(false);
  });

  test('promises keep a grant from when they were asked for', () => {
    const { holder, request: one } = asked();
    expect(keptByPromises(holder, one.number, profile).deadlineMs).toBe(7_000);
    expect(keptByPromises(holder, 9, profile)).toBe(holder);
  });
});

/**
 * Real time flows; each side sees it through a clock of its own that drifts. Requests and answers are delayed and lost, the agent
 * freezes between any two of its steps. Whatever happens, once F4 holds the dead-man has fired.
 */
test('I6 and O3: F4 never holds while the engine may be writable, on any two clocks that drift as far as they may', () => {
  const step = fc.record({
    waitMs: fc.integer({ min: 0, max: 3_000 }),
    thereMs: fc.integer({ min: 0, max: 4_000 }),
    backMs: fc.integer({ min: 0, max: 4_000 }),
    frozenMs: fc.integer({ min: 0, max: 9_000 }),
    lost: fc.boolean(),
  });
  fc.assert(
    fc.property(
      fc.array(step, { minLength: 1, maxLength: 12 }),
      fc.integer({ min: -12, max: 12 }),
      fc.integer({ min: -12, max: 12 }),
      fc.constantFrom(...Object.values(leaseProfiles)),
      (steps, agentDrift, ownerDrift, chosen) => {
        const agentClock = (real: number) => 5_000 + real * (1 + agentDrift / 1_000);
        const ownerClock = (real: number) => 77_000 + real * (1 + ownerDrift / 1_000);
        const realOfAgent = (clock: number) => (clock - 5_000) / (1 + agentDrift / 1_000);
        const realOfOwner = (clock: number) => (clock - 77_000) / (1 + ownerDrift / 1_000);
        let holder = newHolder('a', file);
        let book = beganEpoch(newBook(ownerClock(0), 2), 3);
        let real = 0;
        const granted = { ...terms, maxTtlMs: chosen.ttlMs };
        for (const { waitMs, thereMs, backMs, frozenMs, lost } of steps) {
          real += waitMs;
          const asking = ask(holder, chosen, agentClock(real), false);
          ({ holder } = asking);
          if (!asking.request) continue;
          const arrives = real + thereMs;
          const renewal = renew(book, asking.request, granted, chosen, { nowMs: ownerClock(arrives), owns: true });
          ({ book } = renewal);
          if (!renewal.answer || lost) continue;
          // The agent may freeze before it reads the answer, and feeds what it then reckons.
          real = arrives + backMs + frozenMs;
          holder = answered(holder, renewal.answer);
          if (holder.deadlineMs !== undefined) holder = echoed(holder, holder.deadlineMs);
        }
        const { atMs } = leaseProof(book, 'a', granted, chosen, { nowMs: 0, owns: true, deadMan: true });
        const dead = realOfAgent(holder.armedMs ?? Number.NEGATIVE_INFINITY);
        if (holder.armedMs !== undefined) expect(dead).toBeLessThanOrEqual(realOfOwner(atMs));
      },
    ),
    { numRuns: 500 },
  );
});

test('T3: on any clocks, no member accepts a higher epoch while its promise keeps a primary alive', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 5_000 }),
      fc.integer({ min: -12, max: 12 }),
      fc.integer({ min: -12, max: 12 }),
      fc.array(fc.integer({ min: 0, max: 10_000 }), { maxLength: 4 }),
      (delay, agentDrift, memberDrift, restarts) => {
        const memberClock = (real: number) => real * (1 + memberDrift / 1_000);
        const given = promise(file, 3, profile, { nowMs: memberClock(delay), reachesOwner: false });
        if (!given.ok || given.kind !== 'promise') throw new Error('no promise');
        let kept: TermFile = given.file;
        // Its clock begins anew with each boot; the last one counts.
        let booted = 0;
        for (const after of restarts) {
          booted = Math.max(booted, delay) + after;
          kept = restarted(kept, `boot ${booted}`, 's', 0);
        }
        const end = profile.ttlMs / (1 + agentDrift / 1_000);
        if (booted > end) return;
        const nowMs = booted === 0 ? memberClock(end) : memberClock(end - booted);
        expect(accept(kept, { epoch: 4, generation: 2, step: 3 }, 'sealed', nowMs)).toMatchObject({
          guard: 'T3-promised',
        });
      },
    ),
    { numRuns: 500 },
  );
});

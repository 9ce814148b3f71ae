import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { countRunning, join, leave, noSeatsTaken, refused, type Seats, startNext, withdraw } from './seats.ts';

const users = ['ann', 'bob', 'cy', 'dan'] as const;
const user = fc.constantFrom(...users);
const step = fc.oneof(
  { weight: 5, arbitrary: fc.record({ type: fc.constant('come' as const), user }) },
  { weight: 3, arbitrary: fc.record({ type: fc.constant('done' as const), user }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('give up' as const), at: fc.nat(20) }) },
);
const limits = fc
  .record({ seats: fc.integer({ min: 1, max: 6 }), queue: fc.nat(8) })
  .chain(({ seats, queue }) => fc.integer({ min: 1, max: seats }).map((perUser) => ({ seats, perUser, queue })));

const waitingOf = (state: Seats, name: string): number => state.waiting.filter((ticket) => ticket.user === name).length;

describe('seats', () => {
  it('hold O1, O2 and O4 whatever comes and goes, and remember nobody who left', () => {
    fc.assert(
      fc.property(limits, fc.array(step, { maxLength: 120 }), (bounds, steps) => {
        let state = noSeatsTaken;
        const began = new Set<number>();
        for (const [id, one] of steps.entries()) {
          if (one.type === 'come') state = join(state, { id, user: one.user });
          else if (one.type === 'done') {
            if ((state.running.get(one.user) ?? 0) > 0) state = leave(state, one.user);
          } else {
            const ticket = state.waiting[one.at];
            if (ticket) state = withdraw(state, ticket);
          }
          for (;;) {
            const next = startNext(state, bounds);
            state = next.state;
            if (!next.started) break;
            expect(began.has(next.started.id), 'nobody starts twice').toBe(false);
            began.add(next.started.id);
          }
          for (let out = refused(state, bounds); out; out = refused(state, bounds)) {
            const own = waitingOf(state, out.user);
            expect(Math.max(...users.map((name) => waitingOf(state, name))), 'O4').toBe(own);
            state = withdraw(state, out);
          }
          expect(countRunning(state), 'O1').toBeLessThanOrEqual(bounds.seats);
          expect(Math.max(0, ...state.running.values()), 'O1').toBeLessThanOrEqual(bounds.perUser);
          expect(state.waiting.length, 'O4').toBeLessThanOrEqual(bounds.queue);
          if (countRunning(state) < bounds.seats) {
            const able = state.waiting.filter((ticket) => (state.running.get(ticket.user) ?? 0) < bounds.perUser);
            expect(able, 'O2').toEqual([]);
          }
          const present = new Set([...state.running.keys(), ...state.waiting.map((ticket) => ticket.user)]);
          for (const name of state.turns.keys()) expect(present.has(name), 'turns are forgotten').toBe(true);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('O3: between two turns of one user, everybody else who waits has had one', () => {
    fc.assert(
      fc.property(fc.array(user, { minLength: 2, maxLength: 60 }), (crowd) => {
        let state = crowd.reduce((all, name, id) => join(all, { id, user: name }), noSeatsTaken);
        const turns: string[] = [];
        const ids = new Map<string, number>();
        while (state.waiting.length > 0) {
          const { started, state: next } = startNext(state, { seats: 1, perUser: 1, queue: 100 });
          if (!started) throw new Error('a free seat and nobody starts');
          expect(started.id, 'first come, first served within a user').toBeGreaterThan(ids.get(started.user) ?? -1);
          ids.set(started.user, started.id);
          const since = turns.lastIndexOf(started.user);
          if (since >= 0) {
            const between = new Set(turns.slice(since + 1));
            for (const { user: other } of next.waiting) {
              if (other !== started.user) expect(between.has(other), `${other} had a turn`).toBe(true);
            }
          }
          turns.push(started.user);
          state = leave(next, started.user);
        }
      }),
    );
  });

  it('O3: a newcomer waits for no more than one turn of a crowd', () => {
    const bounds = { seats: 2, perUser: 2, queue: 500 };
    let state = noSeatsTaken;
    for (let id = 0; id < 400; id++) state = join(state, { id, user: 'noisy' });
    for (let i = 0; i < 2; i++) state = startNext(state, bounds).state;
    state = join(state, { id: 1000, user: 'quiet' });
    expect(startNext(state, bounds).started).toBeUndefined();
    expect(startNext(leave(state, 'noisy'), bounds).started).toEqual({ id: 1000, user: 'quiet' });
  });

  it('start nobody who must not start now, and go on with the others', () => {
    const bounds = { seats: 2, perUser: 2, queue: 9 };
    const state = join(join(noSeatsTaken, { id: 1, user: 'full' }), { id: 2, user: 'other' });
    const next = startNext(state, bounds, (name) => name !== 'full');
    expect(next.started?.id).toBe(2);
    expect(startNext(next.state, bounds, (name) => name !== 'full').started).toBeUndefined();
  });
});

import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  checkOwnerLease,
  isAlive,
  type LeaseWatch,
  mayTakeOver,
  observed,
  ownerLease,
  renewed,
  watchLease,
} from './ownership.ts';

test('the times of the Lease leave room for drift, and for renewals that fail', () => {
  expect(checkOwnerLease(ownerLease)).toEqual([]);
  expect(checkOwnerLease({ takeOverMs: 2_050, answerMs: 2_000, renewMs: 500 })).toHaveLength(1);
  expect(checkOwnerLease({ takeOverMs: 3_000, answerMs: 1_000, renewMs: 500 })).toHaveLength(1);
});

test('W1: a replica is alive for 2 s after it sent the renewal, and a late success revives nothing', () => {
  const lease = renewed(undefined, 1_000, 1_010);
  expect(lease).toMatchObject({ lapsed: false, lost: true });
  expect(isAlive(lease, 2_999)).toBe(true);
  expect(isAlive(lease, 3_000)).toBe(false);
  expect(renewed(lease, 1_500, 1_600)).toMatchObject({ lost: false, sentMs: 1_500 });
  // Sent in time, answered too late: what was owned is lost, also where the new Lease itself is young enough.
  expect(renewed(lease, 2_900, 3_100)).toMatchObject({ lost: true, lapsed: false });
  expect(renewed(lease, 1_100, 3_300)).toMatchObject({ lost: true, lapsed: true });
  expect(observed(lease, 3_000).lapsed).toBe(true);
});

test('W2: two reads that far apart, or a hand-over', () => {
  const read = (version: string, sentMs: number) => ({ holder: 'm1', version, sentMs, answeredMs: sentMs + 50 });
  const first = watchLease(undefined, read('1', 0));
  expect(mayTakeOver(undefined, false)).toBe(false);
  expect(mayTakeOver(undefined, true)).toBe(true);
  expect(mayTakeOver(watchLease(first, read('1', 3_049)), false)).toBe(false);
  expect(mayTakeOver(watchLease(first, read('1', 3_050)), false)).toBe(true);
  expect(mayTakeOver(watchLease(first, read('2', 3_050)), false)).toBe(false);
});

test('W3: when somebody may take over, the owner before answers nothing, on any clocks and however slow the API is', () => {
  const ms = (max: number) => fc.integer({ min: 0, max });
  fc.assert(
    fc.property(
      fc.array(fc.record({ gap: ms(1_500), there: ms(3_000), back: ms(3_000) }), { minLength: 1, maxLength: 8 }),
      fc.array(fc.record({ gap: ms(4_000), there: ms(800), back: ms(800) }), { minLength: 2, maxLength: 10 }),
      fc.integer({ min: -12, max: 12 }),
      fc.integer({ min: -12, max: 12 }),
      (renewals, reads, ownDrift, otherDrift) => {
        const own = (real: number) => real * (1 + ownDrift / 1_000);
        const other = (real: number) => 9_000 + real * (1 + otherDrift / 1_000);
        // Each write of the Lease takes effect on its way; the answer is seen later.
        let sent = 0;
        const writes = renewals.map(({ gap, there, back }, index) => {
          sent += gap;
          return { version: String(index), sent, effect: sent + there, seen: sent + there + back };
        });
        let at = 0;
        let watch: LeaseWatch | undefined;
        for (const { gap, there, back } of reads) {
          at += gap;
          const effect = at + there;
          const shown = writes.filter((one) => one.effect <= effect).sort((a, b) => a.effect - b.effect);
          const version = shown.at(-1)?.version ?? 'none';
          watch = watchLease(watch, { holder: 'm1', version, sentMs: other(at), answeredMs: other(effect + back) });
          if (!mayTakeOver(watch, false)) continue;
          const now = effect + back;
          let lease = renewed(undefined, own(0), own(0));
          let lost = false;
          for (const one of [...writes].sort((a, b) => a.seen - b.seen)) {
            if (one.seen > now) break;
            const next = renewed(lease, own(one.sent), own(one.seen));
            lost ||= next.lost;
            lease = next;
          }
          const alive = !lost && isAlive(lease, own(now));
          expect(alive).toBe(false);
          return;
        }
      },
    ),
    { numRuns: 2_000 },
  );
});

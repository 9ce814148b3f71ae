/**
 * The owner's side of grants: when one is given or renewed, and when its end is proven (F4).
 *
 * All of it is the memory of one owner and dies with it. Times are of its own monotonic clock.
 *
 * Invariants (tests cite them):
 * - O1 A grant is only ever an answer to a request, given while the owner's own Lease is valid by its own clock, for the epoch of
 *      the record, to its primary, and while the record intends no higher epoch (planned: once the stop began).
 * - O2 One session at a time: another of the same instance gets nothing before the first one's grant has ended. Who took over lately
 *      does not know the first one, and answers only whom holds a grant already.
 * - O3 F4 holds only where the margin has passed beyond every grant that may live: the last one that this owner answered, and one
 *      that an owner before it may have answered just before *it took over or started*; never by a time that was stored.
 * - O4 F4 is never given for an epoch that may run without renewals, nor for an agent without a dead-man.
 */

import type { GrantAnswer, GrantRequest } from './holder.ts';
import type { LeaseProfile } from './profile.ts';
import type { Reason } from './reason.ts';

export interface GrantBook {
  /** When this owner won the cluster, or started. */
  readonly tookOverMs: number;
  readonly generation: number;
  /** The epoch that this owner itself committed: nobody before it can have granted anything in that one. */
  readonly began?: number;
  /** By instance: the last grant that this owner answered. */
  readonly given: Readonly<Record<string, GivenGrant>>;
}

export interface GivenGrant {
  readonly session: string;
  readonly epoch: number;
  /** Latest end, without margin. */
  readonly untilMs: number;
}

export const newBook = (tookOverMs: number, generation: number): GrantBook => ({ tookOverMs, generation, given: {} });

export const beganEpoch = (book: GrantBook, epoch: number): GrantBook => ({ ...book, began: epoch });

/** Until when grants of an owner before may live. */
const inheritedMs = (book: GrantBook, { epoch, maxTtlMs }: Pick<GrantTerms, 'epoch' | 'maxTtlMs'>): number =>
  book.began === epoch ? Number.NEGATIVE_INFINITY : book.tookOverMs + maxTtlMs;

/** What the record says, as far as grants need it. */
export interface GrantTerms {
  readonly epoch: number;
  readonly primary: string;
  /** The epoch that a switch under way has sent, or is about to send. */
  readonly intends?: number;
  /** The largest TTL that was ever granted in this epoch, written before it is granted first; Infinity: without end. */
  readonly maxTtlMs: number;
}

export type Renewal =
  | { readonly book: GrantBook; readonly answer: GrantAnswer }
  | { readonly book: GrantBook; readonly answer: undefined; readonly guard: string; readonly text: string };

export function renew(
  book: GrantBook,
  request: GrantRequest,
  terms: GrantTerms,
  profile: LeaseProfile,
  { nowMs, owns, ttlMs = profile.ttlMs }: { readonly nowMs: number; readonly owns: boolean; readonly ttlMs?: number },
): Renewal {
  const refuse = (guard: string, text: string): Renewal => ({ book, answer: undefined, guard, text });
  const { instanceId, session, epoch, number, holds } = request;
  if (!owns) return refuse('O1-owner', 'its own Lease is not valid any more');
  if (epoch !== terms.epoch) return refuse('O1-epoch', `the epoch is ${terms.epoch}, not ${epoch}`);
  if (instanceId !== terms.primary) return refuse('O1-primary', `the primary is ${terms.primary}`);
  if (terms.intends !== undefined && terms.intends > epoch)
    return refuse('O1-intent', `a switch to epoch ${terms.intends} is under way`);
  if (ttlMs > terms.maxTtlMs)
    return refuse('O3-largest', `the record says that no grant of this epoch is longer than ${terms.maxTtlMs} ms`);
  const known = book.given[instanceId];
  const endMs = known?.untilMs ?? inheritedMs(book, terms);
  const stranger = known ? known.session !== session : !holds;
  if (stranger && nowMs < endMs + profile.marginMs)
    return refuse('O2-session', 'another session of this instance may hold a grant');
  // A renewal with a shorter TTL does not end what was granted before.
  const untilMs = Math.max(nowMs + ttlMs, known?.session === session ? known.untilMs : 0);
  const given = { ...book.given, [instanceId]: { session, epoch, untilMs } };
  return { book: { ...book, given }, answer: { session, epoch, number, generation: book.generation, ttlMs } };
}

/** F4 against `instanceId`, the primary of the record's epoch; `atMs` is when it will hold, where time can bring it about. */
export function leaseProof(
  book: GrantBook,
  instanceId: string,
  terms: Pick<GrantTerms, 'epoch' | 'maxTtlMs'>,
  profile: LeaseProfile,
  { nowMs, owns, deadMan }: { readonly nowMs: number; readonly owns: boolean; readonly deadMan: boolean },
): { readonly holds: boolean; readonly atMs: number; readonly reasons: readonly Reason[] } {
  const lastMs = Math.max(inheritedMs(book, terms), book.given[instanceId]?.untilMs ?? Number.NEGATIVE_INFINITY);
  const limited = Number.isFinite(terms.maxTtlMs) && lastMs < Number.POSITIVE_INFINITY;
  const atMs = limited ? lastMs + profile.marginMs : Number.POSITIVE_INFINITY;
  const left = Math.ceil(atMs - nowMs);
  const reasons: readonly Reason[] = [
    { guard: 'L1-owner', holds: owns, text: owns ? 'the owner is the owner' : 'its own Lease is not valid any more' },
    {
      guard: 'L2-dead-man',
      holds: deadMan,
      text: deadMan ? 'its agent runs a dead-man' : `nothing at ${instanceId} ends the engine by itself`,
    },
    {
      guard: 'L3-limited',
      holds: limited,
      text: limited ? 'its grants end' : `${instanceId} may run without renewals in this epoch`,
    },
    {
      guard: 'L4-ended',
      holds: nowMs >= atMs,
      text:
        nowMs >= atMs ? `every grant of ${instanceId} has ended` : `a grant of ${instanceId} may live for ${left} ms`,
    },
  ];
  return { holds: reasons.every(({ holds }) => holds), atMs, reasons };
}

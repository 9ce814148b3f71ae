/**
 * Which replica of the cluster manager owns a cluster. Ownership is written in the cluster's HA record by compare-and-swap and
 * raises the owner's generation; a replica is alive while its Lease is.
 *
 * Invariants (tests cite them), on clocks that run apart by no more than `MAX_DRIFT`:
 * - W1 A replica stops answering `answerMs` after it *sent* its last successful renewal, and then owns nothing until it wins a
 *      cluster anew: a renewal that comes back later revives nothing.
 * - W2 Another one takes over only what was handed over, or after two consistent reads (no watch, no cache), the second *sent*
 *      `takeOverMs` or more after the first was *answered*, by its own clock, showed the same Lease.
 * - W3 From W1 and W2: when somebody takes over, the owner before answers nothing any more.
 */
import { MAX_DRIFT } from './profile.ts';

export const ownerLease = { takeOverMs: 3_000, answerMs: 2_000, renewMs: 500 } as const;
export type OwnerLeaseTimes = { readonly [K in keyof typeof ownerLease]: number };

/** W3 needs that the wait outlasts the answering, on any two clocks, and that a few renewals may fail before it. */
export function checkOwnerLease({ takeOverMs, answerMs, renewMs }: OwnerLeaseTimes): readonly string[] {
  const problems: string[] = [];
  if (takeOverMs * (1 - MAX_DRIFT) <= answerMs * (1 + MAX_DRIFT))
    problems.push(`taking over after ${takeOverMs} ms may come before the owner stops answering after ${answerMs} ms`);
  if (answerMs < 3 * renewMs) problems.push(`${answerMs} ms leave no room for three renewals, one every ${renewMs} ms`);
  return problems;
}

/** A replica's own Lease as it knows it. */
export interface OwnLease {
  /** When the renewal was sent that succeeded last. */
  readonly sentMs: number;
  /** Once true, clusters must be won anew; the next success of a renewal sent after that makes the replica alive again. */
  readonly lapsed: boolean;
}

export const isAlive = (
  lease: OwnLease | undefined,
  nowMs: number,
  { answerMs }: OwnerLeaseTimes = ownerLease,
): boolean => lease !== undefined && !lease.lapsed && nowMs < lease.sentMs + answerMs;

/** To be called before every use: makes a Lease that ran out lapsed for good. */
export const observed = (lease: OwnLease, nowMs: number, times: OwnerLeaseTimes = ownerLease): OwnLease =>
  lease.lapsed || isAlive(lease, nowMs, times) ? lease : { ...lease, lapsed: true };

/** A renewal sent at `sentMs` succeeded; `lapsed` tells whether what was owned before is still owned. */
export function renewed(
  lease: OwnLease | undefined,
  sentMs: number,
  nowMs: number,
  times: OwnerLeaseTimes = ownerLease,
): OwnLease & { readonly lost: boolean } {
  const before = lease && observed(lease, nowMs, times);
  const fresh: OwnLease = { sentMs: Math.max(sentMs, lease?.sentMs ?? sentMs), lapsed: false };
  const alive = isAlive(fresh, nowMs, times);
  return { ...fresh, lapsed: !alive, lost: before === undefined || before.lapsed || !alive };
}

/** What one replica has seen of another's Lease. */
export interface LeaseWatch {
  readonly holder: string;
  /** Changes with every renewal. */
  readonly version: string;
  /** When the first consistent read that showed this version was answered. */
  readonly sinceMs: number;
  /** When the last consistent read that showed it was sent. */
  readonly seenMs: number;
}

/** A consistent read of the owner's Lease. */
export interface LeaseRead {
  readonly holder: string;
  readonly version: string;
  readonly sentMs: number;
  readonly answeredMs: number;
}

export function watchLease(watch: LeaseWatch | undefined, read: LeaseRead): LeaseWatch {
  const { holder, version, sentMs, answeredMs } = read;
  if (watch?.holder !== holder || watch.version !== version)
    return { holder, version, sinceMs: answeredMs, seenMs: sentMs };
  return { ...watch, seenMs: Math.max(watch.seenMs, sentMs) };
}

/** W2. `released`: the owner wrote that it hands over. */
export const mayTakeOver = (
  watch: LeaseWatch | undefined,
  released: boolean,
  { takeOverMs }: OwnerLeaseTimes = ownerLease,
): boolean => released || (watch !== undefined && watch.seenMs - watch.sinceMs >= takeOverMs);

/**
 * The agent's side of a grant: what it asks, what an answer is worth, and when its engine must be dead.
 *
 * Times are of the boot clock, which runs on while the machine sleeps and which nobody sets. The dead-man, a process of its own,
 * is fed with absolute times of the same clock.
 *
 * Invariants (tests cite them):
 * - I6 A primary is not writable later than the TTL after the sending of the last request that was answered, even with the agent
 *      stopped or the wall clock set: the deadline is reckoned from before the request was sent, the dead-man fires one kill budget
 *      before it, and knows it before the next request is sent.
 * - H1 Only an answer to an open request of this session and epoch grants anything: nothing is granted unasked.
 * - H2 Answers of an owner below the highest generation seen grant nothing.
 * - H3 An instance whose own disk hangs asks for nothing: its grant runs out by itself, though nothing there can be killed.
 * - H4 No engine starts or is promoted as primary without a term of that epoch and role, a live grant, and a dead-man that knows
 *      when it ends.
 */

import type { LeaseProfile } from './profile.ts';
import type { Reason } from './reason.ts';
import type { TermFile } from './term-file.ts';

export interface GrantRequest {
  readonly instanceId: string;
  readonly session: string;
  readonly epoch: number;
  /** Grows by one with each request of a session. */
  readonly number: number;
  /** Whether a grant of this session and epoch lives. */
  readonly holds: boolean;
}

export interface GrantAnswer {
  readonly session: string;
  readonly epoch: number;
  /** Of the request that it answers. */
  readonly number: number;
  readonly generation: number;
  /** Infinity: without end, for an instance that nobody can take over from, or in maintenance. */
  readonly ttlMs: number;
}

export interface Holder {
  readonly instanceId: string;
  readonly session: string;
  readonly epoch: number;
  readonly generation: number;
  readonly nextNumber: number;
  /** Requests without an answer yet: number -> when it was sent. Those that no answer could help any more are dropped. */
  readonly open: ReadonlyMap<number, number>;
  /** Until when the engine may be writable. */
  readonly deadlineMs: number | undefined;
  /** The deadline that the dead-man has echoed. */
  readonly armedMs: number | undefined;
}

export const newHolder = (
  instanceId: string,
  { session, epoch, generation }: Pick<TermFile, 'session' | 'epoch' | 'generation'>,
): Holder => ({
  instanceId,
  session,
  epoch,
  generation,
  // A new life of the agent in the same session must not take the answers to an old one's requests for its own.
  nextNumber: 1,
  open: new Map(),
  deadlineMs: undefined,
  armedMs: undefined,
});

/** An agent that finds its engine running goes on with what the dead-man knows (I10); `nextNumber` is above all sent before. */
export const adopt = (holder: Holder, armedMs: number | undefined, nextNumber: number): Holder => ({
  ...holder,
  nextNumber,
  deadlineMs: armedMs,
  armedMs,
});

export type Asking =
  | { readonly holder: Holder; readonly request: GrantRequest }
  | { readonly holder: Holder; readonly request: undefined; readonly why: string };

/** Numbers a request and notes when; it must be sent after `nowMs`. */
export function ask(holder: Holder, profile: LeaseProfile, nowMs: number, ownDiskHangs: boolean): Asking {
  if (ownDiskHangs) return { holder, request: undefined, why: 'its own disk hangs' };
  if (holder.deadlineMs !== holder.armedMs)
    return { holder, request: undefined, why: 'the dead-man has not echoed the present deadline' };
  const { instanceId, session, epoch, nextNumber: number } = holder;
  const open = new Map([...holder.open].filter(([, sentMs]) => nowMs < sentMs + profile.ttlMs));
  open.set(number, nowMs);
  return {
    holder: { ...holder, open, nextNumber: number + 1 },
    request: { instanceId, session, epoch, number, holds: isLive(holder, profile, nowMs) },
  };
}

/** What an answer changes; the very same holder where it grants nothing. */
export function answered(holder: Holder, answer: GrantAnswer): Holder {
  const sentMs = holder.open.get(answer.number);
  if (sentMs === undefined || answer.session !== holder.session || answer.epoch !== holder.epoch) return holder;
  if (answer.generation < holder.generation) return holder;
  return extended({ ...holder, generation: answer.generation }, answer.number, sentMs + answer.ttlMs);
}

/** The promises of enough members keep the grant as an answer of the owner does (see `failsafe.ts`). */
export function keptByPromises(holder: Holder, number: number, { ttlMs }: LeaseProfile): Holder {
  const sentMs = holder.open.get(number);
  return sentMs === undefined ? holder : extended(holder, number, sentMs + ttlMs);
}

function extended(holder: Holder, number: number, deadlineMs: number): Holder {
  const open = new Map([...holder.open].filter(([one]) => one > number));
  return { ...holder, open, deadlineMs: Math.max(deadlineMs, holder.deadlineMs ?? deadlineMs) };
}

/** When the dead-man is to begin killing: what it is fed with, an absolute time. */
export const fireAt = (deadlineMs: number, { killBudgetMs }: LeaseProfile): number => deadlineMs - killBudgetMs;

export const echoed = (holder: Holder, deadlineMs: number): Holder => ({ ...holder, armedMs: deadlineMs });

/** Whether an engine of this instance may accept writes now. */
export const isLive = (holder: Holder, profile: LeaseProfile, nowMs: number): boolean =>
  holder.deadlineMs !== undefined && nowMs < fireAt(holder.deadlineMs, profile);

/** The boot gate (H4): all of it must hold. */
export function bootGate(
  file: TermFile | undefined,
  holder: Holder,
  profile: LeaseProfile,
  nowMs: number,
): readonly Reason[] {
  const reason = (guard: string, holds: boolean, good: string, bad: string): Reason => ({
    guard,
    holds,
    text: holds ? good : bad,
  });
  const armed = holder.deadlineMs !== undefined && holder.armedMs === holder.deadlineMs;
  return [
    reason('B1-term', file !== undefined, 'its term file is valid', 'it has no valid term file'),
    reason(
      'B2-role',
      file?.role === 'primary' && file.epoch === holder.epoch,
      `it is the primary of epoch ${holder.epoch}`,
      `by its term it is ${file?.role ?? 'nothing'} in epoch ${file?.epoch ?? '?'}, the grant is for epoch ${holder.epoch}`,
    ),
    reason('B3-grant', isLive(holder, profile, nowMs), 'its grant lives', 'it has no live grant'),
    reason('B4-dead-man', armed, 'the dead-man knows when the grant ends', 'the dead-man does not know of the grant'),
  ];
}

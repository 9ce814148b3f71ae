/**
 * What an agent remembers over its death and that of its node: written and synced before anything is answered that rests on it.
 *
 * Owns which commands and promises are allowed; not how the file is written (two slots in turn, outside the data folder).
 *
 * Invariants (tests cite them):
 * - T1 Neither the epoch nor the owner's generation ever goes down, nor within both the step.
 * - T2 Without a valid file an instance is a new member: it answers, promises and follows nothing before the owner has told it
 *      the epoch; and then it counts as having promised, for it may have.
 * - T3 A promise is in the file before it is answered. While it stands no higher epoch is accepted, unless the command carries
 *      proof that the primary is dead (F1) or powered off (F3).
 * - T4 After a restart of the agent or the node a promise counts as just given: its clock may have begun anew.
 * - T5 A session belongs to one boot of one node: a copy of the machine is another session.
 */
import type { LeaseProfile } from './profile.ts';

export interface TermFile {
  /** The highest one seen. */
  readonly epoch: number;
  /** What this instance is in that epoch; `sealed`: it was asked where it is, and follows nobody until it is told. */
  readonly role: 'primary' | 'replica' | 'sealed';
  /** The highest generation of an owner that commanded here. */
  readonly generation: number;
  /** The highest step of that owner in that epoch. */
  readonly step: number;
  readonly bootId: string;
  /** Under which this instance asks for grants, as long as the boot is the same. */
  readonly session: string;
  readonly promise?: GivenPromise;
}

/** No epoch above `epoch` is accepted before `untilMs` on the boot clock of `bootId`. */
export interface GivenPromise {
  readonly epoch: number;
  readonly lengthMs: number;
  readonly untilMs: number;
  readonly bootId: string;
}

export interface Command {
  readonly epoch: number;
  readonly generation: number;
  readonly step: number;
  /** What is proven about the primary before, as far as it frees from a promise. */
  readonly proof?: 'F1' | 'F3';
}

/** The guards that a command can fail by. */
export type Refusal = 'T1-epoch' | 'T1-generation' | 'T1-step' | 'T2-no-term' | 'T3-promised';

export type Verdict<T> =
  | ({ readonly ok: true } & T)
  | { readonly ok: false; readonly guard: Refusal; readonly text: string };

const refuse = (guard: Refusal, text: string): { ok: false; guard: Refusal; text: string } => ({
  ok: false,
  guard,
  text,
});

/** Whether a promise stands, on the boot clock. A promise of another boot stands until {@link restarted} has dated it anew. */
export const standing = (file: TermFile, nowMs: number): GivenPromise | undefined =>
  file.promise && (file.promise.bootId !== file.bootId || nowMs < file.promise.untilMs) ? file.promise : undefined;

/** The file as a command leaves it; to be synced before the command is carried out. */
export function accept(
  file: TermFile | undefined,
  { epoch, generation, step, proof }: Command,
  role: TermFile['role'],
  nowMs: number,
): Verdict<{ readonly file: TermFile }> {
  if (!file) return refuse('T2-no-term', 'it has no valid term file, and is told an epoch only by an introduction');
  if (epoch < file.epoch) return refuse('T1-epoch', `it has seen epoch ${file.epoch}, the command is of ${epoch}`);
  if (generation < file.generation)
    return refuse('T1-generation', `owner ${file.generation} commanded here, the command is of owner ${generation}`);
  const same = epoch === file.epoch && generation === file.generation;
  if (same && step < file.step)
    return refuse('T1-step', `it has seen step ${file.step} of epoch ${epoch}, not ${step}`);
  const promise = standing(file, nowMs);
  if (epoch > file.epoch && promise && proof === undefined)
    return refuse('T3-promised', `it has promised the primary of epoch ${promise.epoch} to accept no other yet`);
  const { promise: _, ...free } = file;
  const kept = epoch === file.epoch ? file : free;
  return { ok: true, file: { ...kept, epoch, generation, step, role } };
}

/**
 * The first word of the owner to an instance without a term: the only command that such a one carries out (T2). What it promised
 * before it lost its file it does not know: so it counts as having promised just now. `lengthMs`: the largest TTL there is, with
 * margin.
 */
export function introduce(
  { epoch, generation, step }: Command,
  { bootId, session }: Pick<TermFile, 'bootId' | 'session'>,
  { nowMs, lengthMs }: { readonly nowMs: number; readonly lengthMs: number },
): TermFile {
  const given: GivenPromise = { epoch, lengthMs, untilMs: nowMs + lengthMs, bootId };
  return { epoch, generation, step, role: 'sealed', bootId, session, promise: given };
}

/**
 * A member's answer to the primary of `epoch` that cannot reach the owner. One that can reach it promises nothing but passes the
 * request on (`relay`), so that a promise never stands in the way of an owner who sees more.
 */
export function promise(
  file: TermFile | undefined,
  epoch: number,
  { ttlMs, marginMs }: Pick<LeaseProfile, 'ttlMs' | 'marginMs'>,
  { nowMs, reachesOwner }: { readonly nowMs: number; readonly reachesOwner: boolean },
): Verdict<{ readonly kind: 'relay' } | { readonly kind: 'promise'; readonly file: TermFile }> {
  if (reachesOwner) return { ok: true, kind: 'relay' };
  if (!file) return refuse('T2-no-term', 'it has no valid term file');
  if (file.epoch !== epoch)
    return refuse('T1-epoch', `its epoch is ${file.epoch}, the promise asked for is of ${epoch}`);
  const known = standing(file, nowMs);
  const lengthMs = Math.max(ttlMs + marginMs, known?.lengthMs ?? 0);
  const given: GivenPromise = {
    epoch,
    lengthMs,
    untilMs: Math.max(nowMs + ttlMs + marginMs, known?.untilMs ?? 0),
    bootId: file.bootId,
  };
  return { ok: true, kind: 'promise', file: { ...file, promise: given } };
}

/** What a new life of the agent makes of the file that it finds (T4, T5); to be synced before anything else. */
export function restarted(file: TermFile, bootId: string, session: string, nowMs: number): TermFile {
  const { promise: given, ...rest } = file;
  return {
    ...rest,
    ...(bootId === file.bootId ? {} : { bootId, session }),
    ...(given && { promise: { ...given, untilMs: nowMs + given.lengthMs, bootId } }),
  };
}

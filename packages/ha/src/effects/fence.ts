/**
 * S3: the old primary is proven dead, and everybody else is looked at.
 *
 * Invariants (tests cite them):
 * - N1 (I3, I4) What a member answered before the proof is never what is elected by: positions are read after it.
 * - N2 A member that does not answer, or answers late, holds up nobody who has everything.
 * - N3 A replica that is still taking in what the old primary had sent is waited for, for a bounded time.
 */
import { isStackError, linkSignals, StackError } from '@polarstack/base';
import type { AgentStatus, FenceEvidence } from '@polarstack/contracts';
import { isPast } from '../lsn.ts';
import type { HaRecord, Switch } from '../record/record.ts';
import { elect } from '../switch/elect.ts';
import type { ClusterLook, MemberLook } from '../switch/look.ts';
import { type EffectContext, lookAt, lookAtOne } from './context.ts';
import type { MemberAgent } from './ports.ts';

/** How long the target of a planned switch may need for the last of the WAL. */
const DRAIN_MS = 3_000;
/** How long replicas may take in what was sent before the end. */
const SETTLE_MS = 1_000;
/** How long the others may still answer once somebody has everything. */
const GRACE_MS = 50;
/** An engine to be stopped in order stands still already; one that failed gets no time at all. */
const FENCE_STOP_MS = 1_000;
const POLL_MS = 5;

interface Fenced {
  readonly evidence: FenceEvidence;
  readonly look: ClusterLook;
}

export async function fence(
  record: HaRecord,
  { from, of }: { readonly from: string; readonly of: { readonly epoch: number } },
  context: EffectContext,
): Promise<Fenced> {
  const { ports, signal } = context;
  const { switch: running } = record;
  if (!running) throw new StackError('Internal', 'a fence belongs to a switch');
  const proof = async (): Promise<FenceEvidence> =>
    await ports.agent(from).fence({ epoch: of.epoch, mode: 'immediate', timeoutMs: FENCE_STOP_MS }, signal);
  const ids = Object.keys(record.members).filter((id) => id !== from);
  if (running.kind === 'switchover' && from === record.primary && running.to !== from) {
    const evidence = await proof();
    const look = (await chosenAlone(running.to, evidence, context)) ?? (await lookAt(ids, context));
    return { evidence, look };
  }
  // While the proof is made it is found out who answers at all: that takes seconds where somebody does not.
  const early = new Map(ids.map((id) => [id, lookAtOne(id, context)] as const));
  for (const one of early.values()) one.catch(() => undefined);
  const evidence = await proof();
  return { evidence, look: await successors(record, running, evidence, early, context) };
}

/**
 * The chosen one alone, where it has everything: writers wait. Everything is also what the old primary wrote between its stop and
 * its fence, should somebody have started it. Undefined where everybody has to be looked at.
 */
async function chosenAlone(
  to: string,
  { cleanStop, lsn }: FenceEvidence,
  context: EffectContext,
): Promise<ClusterLook | undefined> {
  if (!cleanStop || lsn === undefined) return undefined;
  try {
    return new Map([[to, { status: await drained(context.ports.agent(to), lsn, context) }]]);
  } catch (error) {
    context.signal.throwIfAborted();
    if (!isStackError(error)) throw error;
    return undefined;
  }
}

/** Waits until a replica has replayed past a position. Throws `SwitchTargetUnfit`. */
export async function drained(
  target: MemberAgent,
  lsn: string,
  { clock, signal }: EffectContext,
): Promise<AgentStatus> {
  const deadline = clock.monotonic() + DRAIN_MS;
  let seen: string | undefined;
  for (;;) {
    try {
      const status = await target.status(signal);
      seen = status.engine.lsn;
      if (isPast(seen, lsn)) return status;
    } catch (error) {
      if (!isStackError(error, 'AgentUnreachable')) throw error;
    }
    if (clock.monotonic() > deadline)
      throw new StackError(
        'SwitchTargetUnfit',
        `the target has replayed to ${seen ?? 'an unknown place'}, not past ${lsn}`,
      );
    await clock.sleep(POLL_MS, signal);
  }
}

async function successors(
  record: HaRecord,
  running: Switch,
  evidence: FenceEvidence,
  early: ReadonlyMap<string, Promise<MemberLook>>,
  context: EffectContext,
): Promise<ClusterLook> {
  const { clock } = context;
  const deadline = clock.monotonic() + SETTLE_MS;
  const isReady = (look: ClusterLook): boolean => {
    const { to, lostBytes } = elect(record, running, evidence, look, clock.now());
    return to !== running.from && lostBytes === 0;
  };
  let look = await round(early, isReady, context);
  while (!isReady(look) && [...look.values()].some(takesIn) && clock.monotonic() < deadline) {
    await clock.sleep(POLL_MS, context.signal);
    look = await round(new Map([...look].map(([id, seen]) => [id, Promise.resolve(seen)])), isReady, context);
  }
  return look;
}

/** Whether something may still come in there: its walreceiver has not noticed the end yet. */
const takesIn = (seen: MemberLook): boolean =>
  'status' in seen && seen.status.engine.role === 'replica' && seen.status.engine.streaming === true;

/** Looks again at everybody who answered before; ends early once somebody has everything (N2). */
async function round(
  before: ReadonlyMap<string, Promise<MemberLook>>,
  isReady: (look: ClusterLook) => boolean,
  context: EffectContext,
): Promise<ClusterLook> {
  const over = linkSignals([context.signal]);
  const inner: EffectContext = { ...context, signal: over.signal };
  const found = new Map<string, MemberLook>(
    [...before.keys()].map((id) => [id, { unreachable: 'it did not answer in time' }]),
  );
  let ready: (() => void) | undefined;
  const somebody = new Promise<void>((resolve) => {
    ready = resolve;
  });
  const again = async (id: string, first: Promise<MemberLook>): Promise<void> => {
    const known = await first;
    const now = 'status' in known ? await lookAtOne(id, inner) : known;
    if (over.signal.aborted) return;
    found.set(id, now);
    if (isReady(found)) ready?.();
  };
  const all = Promise.all([...before].map(async ([id, first]) => await again(id, first)));
  const enough = somebody.then(async () => await context.clock.sleep(GRACE_MS, inner.signal));
  try {
    await Promise.race([all, enough]);
    return new Map(found);
  } finally {
    over.end();
    // What is given up on ends by the signal; nobody waits for it.
    all.catch(() => undefined);
    enough.catch(() => undefined);
  }
}

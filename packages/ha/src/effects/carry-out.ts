/**
 * The effects of each state of a switch. Every one can be repeated at any time, by this process or the next: agents compare
 * before they act, and refuse what a newer decision has overtaken.
 */
import { type Clock, isStackError, StackError, toStackError, withDeadline } from '@polarstack/base';
import { type AgentStatus, type EngineReport, slotName } from '@polarstack/contracts';
import { isPast, lagOf } from '../lsn.ts';
import type { HaRecord, Trouble } from '../record/record.ts';
import type { SwitchAction, SwitchEvent } from '../switch/events.ts';
import type { ClusterLook, MemberLook } from '../switch/look.ts';
import { bringBack, follow, termOf } from './follow.ts';
import type { MemberAgent, SwitchPorts } from './ports.ts';

export interface EffectContext {
  readonly ports: SwitchPorts;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** One member that does not answer must not hold up the others. */
const LOOK_MS = 2_000;
/** A first checkpoint that takes longer is followed by a second: the stop then has little left to write. */
const LONG_CHECKPOINT_MS = 1_000;
const CHECKPOINT_MS = 60_000;
/** What the target may be behind when the primary is stopped: less than a moment's work. */
const CLOSE_BYTES = 1024 * 1024;
const CATCH_UP_MS = 10_000;
/** A fast stop waits for every walsender; after this it goes on as immediate, and the switch is taken back. */
const STOP_MS = 5_000;
/** How long the agent of the old primary may be out of reach before the switch is taken back. */
const REACH_MS = 10_000;
/** How long the target may need for the last of the WAL. */
const DRAIN_MS = 3_000;
/** The engine stands still already. */
const FENCE_STOP_MS = 1_000;
const POLL_MS = 5;
const CATCH_UP_POLL_MS = 50;
/** How long the switch waits for members to come back; after that they are seen to without it. */
const REJOIN_MS = 30_000;
const REJOIN_POLL_MS = 100;

/** Carries out what the state of the record asks for, and says what came of it. Throws only when the signal aborts. */
export async function carryOut(record: HaRecord, action: SwitchAction, context: EffectContext): Promise<SwitchEvent> {
  const { signal } = context;
  if (action.kind === 'look') {
    return { kind: 'looked', request: action.request, look: await lookAt(Object.keys(record.members), context) };
  }
  try {
    return await effect(record, action, context);
  } catch (error) {
    signal.throwIfAborted();
    const known = toStackError(error);
    const trouble: Trouble = { code: known.code, message: known.message, remedy: known.remedy };
    return { kind: 'failed', of: action.of, trouble, answered: known.code !== 'AgentUnreachable' };
  }
}

type TaggedAction = Exclude<SwitchAction, { readonly kind: 'look' }>;

async function effect(record: HaRecord, action: TaggedAction, context: EffectContext): Promise<SwitchEvent> {
  const { ports, signal } = context;
  const { of } = action;
  switch (action.kind) {
    case 'prepare':
      await prepare(record, action, context);
      return { kind: 'prepared', of };
    case 'stop':
      await stopAndDrain(action, context);
      return { kind: 'stopped', of };
    case 'resume':
      await ports.agent(action.from).start(signal);
      return { kind: 'resumed', of };
    case 'fence': {
      const agent = ports.agent(action.from);
      const evidence = await agent.fence({ epoch: of.epoch, mode: 'immediate', timeoutMs: FENCE_STOP_MS }, signal);
      return { kind: 'fenced', of, evidence, look: await lookForSuccessor(record, action, evidence.lsn, context) };
    }
    case 'promote':
      await promote(ports.agent(action.to), of.epoch, signal);
      return { kind: 'promoted', of };
    case 'verify': {
      const token = `epoch ${of.epoch} of ${record.cluster.uid}`;
      const agent = ports.agent(action.to);
      await agent.writeCanary(token, signal);
      const read = await agent.readCanary(signal);
      if (read.token !== token)
        throw new StackError('VerificationFailed', `${action.to} reads another row than was written`);
      return { kind: 'verified', of };
    }
    case 'route':
      await ports.route({ instanceId: action.to, epoch: of.epoch }, signal);
      return { kind: 'routed', of };
    case 'follow':
      await followAll(record, context);
      return { kind: 'followed', of };
    case 'rejoin':
      return { kind: 'rejoined', of, left: await rejoinAll(record, context) };
  }
}

/**
 * The chosen one alone, where it has everything: writes wait. Everything is also what the old primary wrote between its stop and
 * its fence, should somebody have started it. Else everybody is looked at.
 */
async function lookForSuccessor(
  record: HaRecord,
  { from, to }: { readonly from: string; readonly to: string },
  lsn: string | undefined,
  context: EffectContext,
): Promise<ClusterLook> {
  if (lsn !== undefined && from === record.primary && to !== from) {
    try {
      return new Map([[to, { status: await drained(context.ports.agent(to), lsn, context) }]]);
    } catch (error) {
      context.signal.throwIfAborted();
      if (!isStackError(error)) throw error;
    }
  }
  return await lookAt(
    Object.keys(record.members).filter((id) => id !== from),
    context,
  );
}

export async function lookAt(ids: readonly string[], { ports, signal }: EffectContext): Promise<ClusterLook> {
  const look = async (id: string): Promise<MemberLook> => {
    try {
      return { status: await withDeadline(LOOK_MS, signal, async (limited) => await ports.agent(id).status(limited)) };
    } catch (error) {
      signal.throwIfAborted();
      return { unreachable: (error as Error).message };
    }
  };
  return new Map(await Promise.all(ids.map(async (id) => [id, await look(id)] as const)));
}

/** The slots that `of` needs, should it be the primary: one for each other member. */
export const slotsOf = (record: HaRecord, of: string): readonly string[] =>
  Object.keys(record.members)
    .filter((id) => id !== of)
    .map(slotName);

async function prepare(
  record: HaRecord,
  { from, to }: { readonly from: string; readonly to: string },
  { ports, clock, signal }: EffectContext,
): Promise<void> {
  const [primary, target] = [ports.agent(from), ports.agent(to)];
  const checkpoints = async (): Promise<void> => {
    await withDeadline(CHECKPOINT_MS, signal, async (limited) => {
      const { durationMs } = await primary.checkpoint(limited);
      if (durationMs > LONG_CHECKPOINT_MS) await primary.checkpoint(limited);
    });
  };
  await Promise.all([checkpoints(), target.setSlots(slotsOf(record, to), signal)]);
  const deadline = clock.monotonic() + CATCH_UP_MS;
  for (;;) {
    const [ahead, behind] = await Promise.all([primary.status(signal), target.status(signal)]);
    const [a, b] = [ahead.engine.lsn, behind.engine.lsn];
    const lag = a !== undefined && b !== undefined ? lagOf(a, b) : undefined;
    if (lag !== undefined && lag <= CLOSE_BYTES) return;
    if (clock.monotonic() > deadline) {
      const how = lag === undefined ? 'does not say where it is' : `stays ${lag} bytes behind`;
      throw new StackError('SwitchTargetUnfit', `${to} ${how}`);
    }
    await clock.sleep(CATCH_UP_POLL_MS, signal);
  }
}

/** Stops the old primary within its epoch, and waits until the target has replayed everything. */
async function stopAndDrain(
  { from, to }: { readonly from: string; readonly to: string },
  context: EffectContext,
): Promise<void> {
  const { ports, clock, signal } = context;
  const agent = ports.agent(from);
  const deadline = clock.monotonic() + REACH_MS;
  let report: EngineReport | undefined;
  while (report === undefined) {
    try {
      report = await agent.stop({ mode: 'fast', timeoutMs: STOP_MS }, signal);
    } catch (error) {
      if (!isStackError(error, 'AgentUnreachable') || clock.monotonic() > deadline) throw error;
      await clock.sleep(CATCH_UP_POLL_MS, signal);
    }
  }
  if (report.state !== 'stopped' || report.cleanStop !== true || report.lsn === undefined)
    throw new StackError('PrimaryUnfit', `the engine of ${from} did not end in order (it is ${report.state})`);
  await drained(ports.agent(to), report.lsn, context);
}

async function drained(target: MemberAgent, lsn: string, { clock, signal }: EffectContext): Promise<AgentStatus> {
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

async function promote(agent: MemberAgent, epoch: number, signal: AbortSignal): Promise<void> {
  await agent.setTerm({ epoch, role: 'primary' }, signal);
  try {
    await agent.promote({ epoch }, signal);
  } catch (error) {
    // The one that goes on itself was stopped; an elected one may have ended.
    if (!isStackError(error, 'EngineNotRunning')) throw error;
    await agent.start(signal);
    await agent.promote({ epoch }, signal);
  }
}

/** Re-points whoever runs, without a restart. One that does not answer is caught up with later. */
async function followAll(record: HaRecord, context: EffectContext): Promise<void> {
  const { ports, signal } = context;
  const roles = new Map(Object.keys(record.members).map((id) => [id, termOf(record, id)] as const));
  await Promise.all([
    ports.label(roles, signal),
    ...[...roles].flatMap(([id, role]) => (role === 'primary' ? [] : [follow(record, id, ports, signal)])),
  ]);
}

/** Brings back whoever does not follow, and waits for it for a while; what is not well then is answered by instance id. */
async function rejoinAll(record: HaRecord, context: EffectContext): Promise<Readonly<Record<string, string>>> {
  const { clock, signal } = context;
  const deadline = clock.monotonic() + REJOIN_MS;
  const others = Object.keys(record.members).filter((id) => id !== record.primary);
  const rejoin = async (id: string): Promise<readonly [string, string][]> => {
    for (;;) {
      const left = await bringBack(record, id, context);
      if (left === undefined) return [];
      if (clock.monotonic() > deadline) return [[id, left]];
      await clock.sleep(REJOIN_POLL_MS, signal);
    }
  };
  return Object.fromEntries((await Promise.all(others.map(rejoin))).flat());
}

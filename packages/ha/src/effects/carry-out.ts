/**
 * The effects of each state of a switch. Every one can be repeated at any time, by this process or the next: agents compare
 * before they act, and refuse what a newer decision has overtaken.
 */
import { isStackError, StackError, toStackError, withDeadline } from '@polarstack/base';
import { type EngineReport, slotName } from '@polarstack/contracts';
import { lagOf } from '../lsn.ts';
import { shortened } from '../record/failover.ts';
import type { HaRecord, Trouble } from '../record/record.ts';
import type { SwitchAction, SwitchEvent } from '../switch/events.ts';
import { isPatienceOver } from '../switch/failed.ts';
import { type EffectContext, lookAt } from './context.ts';
import { drained, fence } from './fence.ts';
import { bringBack, follow, termOf } from './follow.ts';
import type { MemberAgent } from './ports.ts';

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
    const trouble: Trouble = { code: known.code, message: shortened(known.message), remedy: known.remedy };
    const answered = known.code !== 'AgentUnreachable';
    const { switch: running } = record;
    // A matter of seconds where somebody does not answer: only where it decides something.
    const look =
      answered && running && isPatienceOver(running, trouble, context.clock.now())
        ? { look: await lookAt(others(record, running.to), context) }
        : {};
    return { kind: 'failed', of: action.of, trouble, answered, ...look };
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
    case 'stop': {
      const unclean = await stopAndDrain(action, context);
      return unclean === undefined ? { kind: 'stopped', of } : { kind: 'ended', of, how: unclean };
    }
    case 'resume':
      await ports.agent(action.from).start(signal);
      return { kind: 'resumed', of };
    case 'fence':
      return { kind: 'fenced', of, ...(await fence(record, action, context)) };
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

const others = ({ members }: HaRecord, id: string): readonly string[] =>
  Object.keys(members).filter((other) => other !== id);

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

/**
 * Stops the old primary within its epoch, and waits until the target has replayed everything. Answers what there is to say where it
 * did not end in order.
 */
async function stopAndDrain(
  { from, to }: { readonly from: string; readonly to: string },
  context: EffectContext,
): Promise<string | undefined> {
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
    return `the engine of ${from} did not end in order (it is ${report.state}${report.reason ? `: ${report.reason}` : ''})`;
  await drained(ports.agent(to), report.lsn, context);
  return undefined;
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

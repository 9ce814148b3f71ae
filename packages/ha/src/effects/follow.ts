/**
 * Brings a member into the role that the record gives it: during a switch (S8, S9), and whenever one comes back that has missed
 * something.
 *
 * Invariants (tests cite them):
 * - F1 Nobody is made a primary here.
 * - F2 A replica that runs is re-pointed without a restart.
 * - F3 A folder that may be off the line of the new primary is rewound before it is started, whoever is killed on the way: a fence
 *      in the present epoch, which its agent keeps, says so until it is done.
 * - F4 An engine that stands still within the present epoch is left to whoever stopped it.
 */
import { isStackError, StackError } from '@polarstack/base';
import type { AgentStatus, EngineRole, Term } from '@polarstack/contracts';
import { slotName } from '@polarstack/contracts';
import { furthest, lagOf } from '../lsn.ts';
import type { HaRecord } from '../record/record.ts';
import type { EffectContext } from './context.ts';
import type { MemberAgent, SwitchPorts } from './ports.ts';

/** It is killed: an end in order would let its folder look as if its last checkpoint were its end. */
const NOTE_STOP_MS = 0;

/** The role of a member, by the record. */
export const termOf = ({ primary }: Pick<HaRecord, 'primary'>, id: string): EngineRole =>
  id === primary ? 'primary' : 'replica';

const sameUpstream = (a: Term, b: Term): boolean =>
  JSON.stringify(flat(a.upstream)) === JSON.stringify(flat(b.upstream));
const flat = (upstream: Term['upstream']) =>
  upstream && [upstream.instanceId, upstream.host, upstream.port, upstream.serverName, upstream.slot];

/** The term that a replica of the record has. */
const wantedTerm = (record: HaRecord, id: string, ports: SwitchPorts): Term => ({
  epoch: record.epoch,
  role: 'replica',
  upstream: ports.upstream(record.primary, id),
});

/** Tells a replica whom it follows, where it does not know. Errors of its agent are swallowed: it is caught up with later. */
export async function follow(record: HaRecord, id: string, ports: SwitchPorts, signal: AbortSignal): Promise<void> {
  try {
    const agent = ports.agent(id);
    const status = await agent.status(signal);
    if (status.engine.state !== 'running' || status.engine.role !== 'replica' || isBeyond(record, status)) return;
    await tell(agent, status, wantedTerm(record, id, ports), signal);
  } catch (error) {
    signal.throwIfAborted();
    if (!isStackError(error)) throw error;
  }
}

async function tell(agent: MemberAgent, status: AgentStatus, wanted: Term, signal: AbortSignal): Promise<boolean> {
  const { term } = status;
  if (term && term.epoch > wanted.epoch)
    throw new StackError('StaleEpoch', `its term is of epoch ${term.epoch}, the record of ${wanted.epoch}`);
  if (term && term.epoch === wanted.epoch && term.role === wanted.role && sameUpstream(term, wanted)) return false;
  await agent.setTerm(wanted, signal);
  return true;
}

/**
 * Whether the folder of a stopped member may hold WAL that the primary of the record does not have. Only who was primary can: a
 * replica has nothing but what it got.
 */
export function mayHaveDiverged(record: HaRecord, { term, fence, startedEpoch, engine }: AgentStatus): boolean {
  if (term?.role === 'replica' && startedEpoch === record.epoch) return false;
  const wasPrimary = (term?.role === 'primary' && term.epoch < record.epoch) || fence === record.epoch;
  if (!wasPrimary) return false;
  const { parentTimeline, forkLsn, lostBytes } = record.epochs.at(-1) ?? {};
  if (lostBytes !== undefined) return true;
  if (engine.cleanStop !== true || engine.lsn === undefined || forkLsn === undefined) return true;
  // The position is where its last record begins; the fork is where the new primary had replayed to.
  return engine.timeline !== parentTimeline || lagOf(engine.lsn, forkLsn) > 0;
}

/**
 * Whether a replica may have WAL that was given up when another one was elected in its absence. Where the folder of one that stands
 * still ends is not known.
 */
function isBeyond(record: HaRecord, { term, engine }: AgentStatus): boolean {
  const { epoch } = term ?? {};
  if (epoch === undefined || term?.role !== 'replica') return false;
  const position = furthest(engine.receivedLsn, engine.lsn);
  return record.epochs.some(
    ({ epoch: later, lostBytes, forkLsn }) =>
      later > epoch &&
      lostBytes !== undefined &&
      (engine.state !== 'running' || forkLsn === undefined || position === undefined || lagOf(position, forkLsn) > 0),
  );
}

/** Whether nothing of the engine runs, for whatever reason. */
export const standsStill = ({ state, pid }: AgentStatus['engine']): boolean =>
  state === 'stopped' || (state === 'failed' && pid === undefined);

/**
 * Whether it has to be noted first that this folder must be rewound: the term that it gets now says nothing of that. One that was
 * noted in an earlier epoch and has not been started since may not have been rewound either.
 */
function mustBeNoted(record: HaRecord, status: AgentStatus): boolean {
  const { term, fence, engine } = status;
  if (term === undefined || term.epoch >= record.epoch || fence === record.epoch) return false;
  const isStillNoted = fence !== undefined && fence >= term.epoch && standsStill(engine);
  return term.role === 'primary' || isStillNoted || isBeyond(record, status);
}

/** Undefined once the member streams from the primary of the record; else what keeps it from that now. */
export async function bringBack(
  record: HaRecord,
  id: string,
  { ports, signal }: Pick<EffectContext, 'ports' | 'signal'>,
): Promise<string | undefined> {
  try {
    const agent = ports.agent(id);
    const status = await agent.status(signal);
    const { engine, task } = status;
    if (task?.state === 'running') return `its task ${task.kind} runs`;
    const wanted = wantedTerm(record, id, ports);
    if (mustBeNoted(record, status)) {
      await agent.fence({ epoch: record.epoch, mode: 'immediate', timeoutMs: NOTE_STOP_MS }, signal);
      return 'it has WAL that is no part of the line any more, and is rewound next';
    }
    const diverged = mayHaveDiverged(record, status);
    await tell(agent, status, wanted, signal);
    // Also one that does not start: a rewind may be what it needs.
    const isOurs = status.fence === record.epoch && standsStill(engine);
    switch (isOurs ? 'stopped' : engine.state) {
      case 'stopped':
        if (diverged && !(await rewound(record, id, agent, status, signal))) return 'it is being rewound';
        await agent.start(signal);
        return 'it was started a moment ago';
      case 'running':
        if (engine.role !== 'replica') return 'its engine leaves the role of a primary';
        if (engine.streaming !== true || engine.reason !== undefined) return engine.reason ?? 'it does not stream yet';
        if (status.term?.epoch !== record.epoch) return 'it was re-pointed a moment ago';
        // It may have had followers: what their slots hold back would grow for ever.
        if (status.fence === record.epoch) await renewSlots(record, id, agent, signal);
        return undefined;
      case 'absent':
      case 'starting':
      case 'stopping':
      case 'failed':
        return `its engine is ${engine.state}${engine.reason ? `: ${engine.reason}` : ''}`;
    }
  } catch (error) {
    signal.throwIfAborted();
    if (!isStackError(error)) throw error;
    return `${error.message} ${error.remedy}`;
  }
}

async function renewSlots(record: HaRecord, id: string, agent: MemberAgent, signal: AbortSignal): Promise<void> {
  await agent.setSlots([], signal);
  const others = Object.keys(record.members).filter((other) => other !== id);
  await agent.setSlots(others.map(slotName), signal);
}

/** Rewinds the folder, once for each epoch, and anew where the primary did not answer; true when that is done. */
async function rewound(
  record: HaRecord,
  id: string,
  agent: MemberAgent,
  { task }: AgentStatus,
  signal: AbortSignal,
): Promise<boolean> {
  const name = `rewind-${id}-${record.epoch}`;
  const isMine = task !== undefined && (task.id === name || task.id.startsWith(`${name}-`));
  const isAway = isMine && task.state === 'failed' && task.error?.code === 'EngineNotRunning';
  const attempt = isMine ? Number(task.id.slice(name.length + 1)) : 0;
  const known = isMine && !isAway ? task : await agent.rewind(isAway ? `${name}-${attempt + 1}` : name, signal);
  if (known.state === 'failed')
    throw new StackError('RewindFailed', `${id} cannot be rewound: ${known.error?.message ?? 'no reason given'}`);
  return known.state === 'done';
}

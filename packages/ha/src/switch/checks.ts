/**
 * What is checked before a planned switch is begun. Each guard has an id, and says in a sentence what it found, so that a refusal
 * explains itself.
 */
import type { AgentStatus } from '@polarstack/contracts';
import { lagOf } from '../lsn.ts';
import type { Reason } from '../record/failover.ts';
import type { HaRecord, SwitchRequest } from '../record/record.ts';
import { type ClusterLook, statusOf } from './look.ts';

export type { Reason };

/** A replica further behind than this would make the writers wait for it. */
export const MAX_LAG_BYTES = 16 * 1024 * 1024;

export const reason = (guard: string, holds: boolean, yes: string, no: string): Reason => ({
  guard,
  holds,
  text: holds ? yes : no,
});

const major = (version: string | undefined): string | undefined => version?.split('.')[0];

/** Guards of the request itself. */
export function requestGuards({ deadline }: SwitchRequest, now: Date): readonly Reason[] {
  const inTime = now.getTime() <= Date.parse(deadline);
  return [reason('C1-in-time', inTime, 'the request is in time', `its deadline ${deadline} is over`)];
}

/** Guards of the present primary: a planned switch stops it in order, so it must work. */
export function primaryGuards(record: HaRecord, look: ClusterLook): readonly Reason[] {
  const { primary } = record;
  const seen = look.get(primary);
  const status = statusOf(look, primary);
  if (!status) {
    const why = seen && 'unreachable' in seen ? seen.unreachable : 'it was not asked';
    return [reason('C2-primary-answers', false, '', `the agent of primary ${primary} does not answer: ${why}`)];
  }
  const { engine, term, task } = status;
  return [
    reason('C2-primary-answers', true, 'the agent of the primary answers', ''),
    reason(
      'C3-primary-works',
      engine.state === 'running' && engine.role === 'primary',
      'the primary accepts writes',
      `the engine of primary ${primary} is ${engine.state}${engine.role ? ` as ${engine.role}` : ''}`,
    ),
    reason(
      'C4-primary-in-epoch',
      term?.role === 'primary' && term.epoch === record.epoch,
      `the primary is of epoch ${record.epoch}`,
      `the agent of ${primary} is ${term?.role ?? 'nothing'} in epoch ${term?.epoch ?? 0}, the record says primary in ${record.epoch}`,
    ),
    reason(
      'C5-primary-free',
      task?.state !== 'running',
      'no task runs there',
      `task ${task?.kind} (${task?.id}) runs at the primary`,
    ),
  ];
}

/** Guards of one candidate, in the order in which a person would look. */
export function targetGuards(record: HaRecord, look: ClusterLook, target: string): readonly Reason[] {
  const member = record.members[target];
  const seen = look.get(target);
  const status = statusOf(look, target);
  const primary = statusOf(look, record.primary)?.engine;
  const electable = reason(
    'T1-electable',
    member?.electable === true,
    'it may become primary',
    `${target} is not electable`,
  );
  if (!status) {
    const why = seen && 'unreachable' in seen ? seen.unreachable : 'it was not asked';
    return [electable, reason('T2-answers', false, '', `the agent of ${target} does not answer: ${why}`)];
  }
  const { engine, term, task } = status;
  const peer = primary?.peers?.find(({ instanceId }) => instanceId === target);
  const lag = primary?.lsn && engine.lsn ? lagOf(primary.lsn, engine.lsn) : undefined;
  return [
    electable,
    reason('T2-answers', true, 'its agent answers', ''),
    reason(
      'T3-runs-as-replica',
      engine.state === 'running' && engine.role === 'replica',
      'its engine runs as a replica',
      `the engine of ${target} is ${engine.state}${engine.role ? ` as ${engine.role}` : ''}${engine.reason ? `: ${engine.reason}` : ''}`,
    ),
    reason(
      'T4-follows-this-primary',
      term?.role === 'replica' && term.upstream?.instanceId === record.primary && term.epoch <= record.epoch,
      'it follows this primary',
      `by its term ${target} does not follow ${record.primary}`,
    ),
    reason(
      'T5-same-database',
      engine.systemId !== undefined && engine.systemId === primary?.systemId,
      'it is a copy of the same database',
      `${target} has the system id ${engine.systemId ?? 'none'}, the primary ${primary?.systemId ?? 'none'}`,
    ),
    reason(
      'T6-same-timeline',
      engine.timeline !== undefined && engine.timeline === primary?.timeline,
      'it is on the timeline of the primary',
      `${target} is on timeline ${engine.timeline ?? '?'}, the primary on ${primary?.timeline ?? '?'}`,
    ),
    reason(
      'T7-same-major',
      major(engine.version) !== undefined && major(engine.version) === major(primary?.version),
      'its engine is of the same major version',
      `${target} runs version ${engine.version ?? '?'}, the primary ${primary?.version ?? '?'}`,
    ),
    reason(
      'T8-streams',
      engine.streaming === true && peer?.state === 'streaming',
      'it streams from the primary',
      `${target} does not stream from the primary${peer ? ` (${peer.state})` : ''}`,
    ),
    reason(
      'T9-replays',
      engine.replayPaused !== true,
      'it replays',
      `replay is paused at ${target}: ${engine.reason ?? 'no reason is known'}`,
    ),
    reason(
      'T10-lag',
      lag !== undefined && lag <= MAX_LAG_BYTES,
      `it is ${lag} bytes behind`,
      lag === undefined
        ? `how far ${target} is behind is not known`
        : `${target} is ${lag} bytes behind, which is more than ${MAX_LAG_BYTES}`,
    ),
    reason(
      'T11-free',
      task?.state !== 'running',
      'no task runs there',
      `task ${task?.kind} (${task?.id}) runs at ${target}`,
    ),
  ];
}

export const failing = (reasons: readonly Reason[]): Reason | undefined => reasons.find(({ holds }) => !holds);

export type Choice =
  | { readonly target: string; readonly reasons: readonly Reason[] }
  | { readonly target: undefined; readonly reasons: readonly Reason[] };

/** The candidate that has replayed most, and the lowest id of several; undefined where none passes its guards. */
export function chooseTarget(record: HaRecord, look: ClusterLook): Choice {
  const candidates = Object.keys(record.members)
    .filter((id) => id !== record.primary)
    .sort()
    .map((target) => ({ target, reasons: targetGuards(record, look, target) }));
  const fit = candidates.filter(({ reasons }) => failing(reasons) === undefined);
  const [best] = fit.sort((a, b) => further(statusOf(look, a.target), statusOf(look, b.target)));
  if (best) return best;
  const why = candidates.map(({ target, reasons }) => failing(reasons)?.text ?? target);
  const text = why.length === 0 ? 'the cluster has no replica' : why.join('; ');
  return { target: undefined, reasons: [{ guard: 'T0-some-replica', holds: false, text }] };
}

function further(a: AgentStatus | undefined, b: AgentStatus | undefined): number {
  const [left, right] = [a?.engine.lsn, b?.engine.lsn];
  if (left === undefined || right === undefined) return 0;
  return lagOf(right, left) - lagOf(left, right);
}

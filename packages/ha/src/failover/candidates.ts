/**
 * Who could take over from a primary that failed. The same guards are looked at twice: by what pulses told, before anything is
 * begun, and by what agents answer once the old primary is proven dead.
 *
 * Invariants (tests cite them):
 * - K-A (I2) Lines of WAL are told apart by epoch: a member that follows another epoch, or another primary, is none, wherever its WAL
 *   ends and whatever its timeline's number is.
 * - K-B Nobody is a candidate for what is not known of it.
 */
import type { AgentPulse, AgentStatus, FenceEvidence } from '@polarstack/contracts';
import { furthest, isPast, lagOf } from '../lsn.ts';
import { type Candidate, type Reason, shortened } from '../record/failover.ts';
import type { HaRecord } from '../record/record.ts';
import { failing, reason } from '../switch/checks.ts';

/** Whose WAL counts, and the epoch in which the others follow it. */
export interface Line {
  readonly primary: string;
  readonly epoch: number;
  readonly systemId: string | undefined;
  readonly timeline: number | undefined;
}

/** What guards look at; both pulses and answers of agents have it. */
export interface MemberView {
  readonly term?: AgentStatus['term'];
  readonly engine: Pick<
    AgentPulse['engine'],
    'state' | 'role' | 'startedAt' | 'systemId' | 'timeline' | 'lsn' | 'receivedLsn'
  >;
  /** When it was so, by the clock of the member's agent. */
  readonly at: string;
}

/** A candidate must have run for this long, in milliseconds: one that comes and goes is none. */
export const SETTLED_MS = 10_000;

/** How far a member has received or replayed. */
export const positionOf = ({ engine }: Pick<MemberView, 'engine'>): string | undefined =>
  furthest(engine.receivedLsn, engine.lsn);

export const viewOf = ({ term, engine, observedAt }: AgentStatus): MemberView => ({
  ...(term && { term }),
  engine,
  at: observedAt,
});

/** The guards K1 to K7. `why`: why there is no view. */
export function candidateGuards(
  record: HaRecord,
  id: string,
  view: MemberView | undefined,
  line: Line,
  why = 'it was not asked',
): readonly Reason[] {
  const electable = reason(
    'K1-electable',
    record.members[id]?.electable === true,
    'it may become primary',
    `${id} is not electable`,
  );
  if (!view) return [electable, reason('K2-answers', false, '', `the agent of ${id} does not answer: ${why}`)];
  const { engine, term } = view;
  const runs = Date.parse(view.at) - Date.parse(engine.startedAt ?? '');
  return [
    electable,
    reason('K2-answers', true, 'its agent answers', ''),
    reason(
      'K3-runs-as-replica',
      engine.state === 'running' && engine.role === 'replica',
      'its engine runs as a replica',
      `the engine of ${id} is ${engine.state}${engine.role ? ` as ${engine.role}` : ''}`,
    ),
    reason(
      'K4-follows-this-epoch',
      term?.role === 'replica' && term.epoch === line.epoch && term.upstream?.instanceId === line.primary,
      `it follows ${line.primary} in epoch ${line.epoch}`,
      `${id} follows ${term?.upstream?.instanceId ?? 'nobody'} in epoch ${term?.epoch ?? 0}, not ${line.primary} in epoch ${line.epoch}`,
    ),
    reason(
      'K5-same-database',
      engine.systemId !== undefined && engine.systemId === line.systemId,
      'it is a copy of the same database',
      `${id} is no copy of this database`,
    ),
    // Without a walreceiver a replica tells the timeline of its last restart point: an older one says nothing.
    reason(
      'K6-no-other-line',
      (engine.timeline ?? 0) <= (line.timeline ?? 0),
      'it is on no timeline above',
      `${id} is on timeline ${engine.timeline}, which is above ${line.timeline ?? 'any that is known'}`,
    ),
    reason(
      'K7-settled',
      !(runs < SETTLED_MS),
      'it has been running for long enough',
      `the engine of ${id} runs for ${Math.max(0, runs)} ms only`,
    ),
  ];
}

/**
 * How many bytes of the proven dead primary's WAL are missing at a position: 0 where it has everything; undefined where that cannot
 * be said.
 */
export function missingAt(position: string | undefined, evidence: FenceEvidence): number | undefined {
  if (position === undefined) return undefined;
  if (evidence.walEnd !== undefined) return lagOf(evidence.walEnd, position);
  // After a clean stop the last record there is begins at `lsn`: who is past it has everything.
  if (evidence.cleanStop && evidence.lsn !== undefined && isPast(position, evidence.lsn)) return 0;
  return undefined;
}

/** How a member stands: the first guard that it does not pass, and what it lacks. */
export function standOf(id: string, view: MemberView | undefined, guards: readonly Reason[]): Candidate {
  const position = view && positionOf(view);
  const no = failing(guards);
  return {
    id,
    ...(position !== undefined && { position }),
    ...(no && { guard: no.guard, why: shortened(no.text) }),
  };
}

/**
 * Who takes over, once the old primary is proven dead; and the write that makes it so.
 *
 * Invariants (tests cite them):
 * - E-A (I3) A replica is elected only where the evidence proves that it has everything, or, as long as somebody else of this switch
 *   has failed in place, all but `maxLossBytes`, exactly counted. Where the end of the WAL is not known, no distance to it is.
 * - E-B (I4) Whoever was primary is elected again as a candidate of a new epoch only, with evidence against whoever came between.
 * - E-C (I13) An election never fails: the one that is proven dead goes on in place where there is nobody better.
 */
import { errorTable } from '@polarstack/base';
import type { AgentStatus, FenceEvidence } from '@polarstack/contracts';
import { candidateGuards, type Line, missingAt, positionOf, standOf, viewOf } from '../failover/candidates.ts';
import { isFlapping } from '../failover/flap.ts';
import { bounded } from '../failover/suspicion.ts';
import { isPast, lsnToBytes } from '../lsn.ts';
import { type Candidate, type Reason, settingsOf, shortened } from '../record/failover.ts';
import { type HaRecord, type Switch, type Trouble, without } from '../record/record.ts';
import { type ClusterLook, silenceOf, statusOf } from './look.ts';
import { baseOf, isAutomatic, troubleOf } from './outcome.ts';

export interface Election {
  readonly to: string;
  /** The epoch whose WAL it goes on from. */
  readonly parent: number;
  /** Where the new line leaves the old one; undefined where the same instance goes on. */
  readonly fork?: { readonly timeline: number; readonly lsn: string };
  readonly turned?: Trouble;
  /** Of the old primary's WAL, what the elected one lacks. */
  readonly lostBytes: number;
  readonly candidates: readonly Candidate[];
  readonly reasons: readonly Reason[];
}

interface Stand extends Candidate {
  readonly status?: AgentStatus;
}

/** How a member stands against the WAL that the evidence is about. */
function stand(
  record: HaRecord,
  running: Switch,
  id: string,
  look: ClusterLook,
  line: Line,
  evidence: FenceEvidence | undefined,
): Stand {
  const status = statusOf(look, id);
  const view = status && viewOf(status);
  const planned = running.kind === 'switchover';
  // Planned: the primary stopped in order, and who is past its last record has everything, whenever it was told of the epoch.
  const term = status?.term;
  const told = planned && evidence?.cleanStop && term && term.epoch < line.epoch ? term.epoch : line.epoch;
  const guards = candidateGuards(record, id, view, { ...line, epoch: told }, silenceOf(look, id)).filter(
    ({ guard }) => !planned || guard !== 'K7-settled',
  );
  const base = standOf(id, view, guards);
  if (!evidence || !status || !view) return { ...base, ...(status && { status }) };
  // A planned switch has waited for the replay too, so that the promotion is short.
  const position = planned && evidence.cleanStop ? status.engine.lsn : positionOf(view);
  const missing =
    planned && evidence.cleanStop && evidence.lsn !== undefined
      ? isPast(position, evidence.lsn)
        ? 0
        : undefined
      : missingAt(position, evidence);
  const short: Partial<Candidate> =
    base.guard !== undefined || missing === 0
      ? {}
      : { guard: 'K8-has-everything', why: shortened(lacking(id, position, missing, evidence)) };
  return { ...base, ...short, ...(missing !== undefined && { missingBytes: missing }), status };
}

function lacking(
  id: string,
  position: string | undefined,
  missing: number | undefined,
  evidence: FenceEvidence,
): string {
  if (missing !== undefined)
    return `${id} has the WAL up to ${position} and lacks ${missing} bytes before its end at ${evidence.walEnd}`;
  if (!evidence.cleanStop)
    return `${evidence.instanceId} did not end in order, and where its WAL ends is not known: whether ${id} has it all is not either`;
  return `${id} has replayed to ${position ?? 'nowhere'} only, not past ${evidence.lsn}`;
}

const isFit = ({ guard }: Stand): boolean => guard === undefined;
const isShort = ({ guard, missingBytes }: Stand): boolean =>
  guard === 'K8-has-everything' && missingBytes !== undefined;

/** Fewest bytes missing, not flapping, furthest, lowest id. */
const ranked = (record: HaRecord, stands: readonly Stand[], now: Date): readonly Stand[] =>
  [...stands].sort(
    (a, b) =>
      (a.missingBytes ?? 0) - (b.missingBytes ?? 0) ||
      Number(isFlapping(record, a.id, now)) - Number(isFlapping(record, b.id, now)) ||
      further(a.position, b.position) ||
      (a.id < b.id ? -1 : 1),
  );

function further(a: string | undefined, b: string | undefined): number {
  const [left, right] = [a, b].map((lsn) => (lsn === undefined ? 0n : lsnToBytes(lsn)));
  if (left === right || left === undefined || right === undefined) return 0;
  return left > right ? -1 : 1;
}

/** Where the line of a replica leaves that of the old primary. */
const forkOf = (chosen: Stand, evidence: FenceEvidence) => {
  const lsn = evidence.cleanStop ? chosen.status?.engine.lsn : chosen.position;
  return evidence.timeline !== undefined && lsn !== undefined ? { timeline: evidence.timeline, lsn } : undefined;
};

/**
 * `evidence` is about `running.from`, and undefined where only an opinion is wanted: whether anybody could take over from one that
 * fails. Nothing is committed on that.
 */
export function elect(
  record: HaRecord,
  running: Switch,
  evidence: FenceEvidence | undefined,
  look: ClusterLook,
  now: Date,
): Election {
  const { from, origin } = running;
  const base = baseOf(record, running);
  const known = running.evidence.find(({ instanceId }) => instanceId === origin);
  const ofOrigin = from === origin ? (evidence ?? known) : known;
  const line: Line = { primary: origin, epoch: base, systemId: ofOrigin?.systemId, timeline: ofOrigin?.timeline };
  const others = Object.keys(record.members)
    .filter((id) => id !== from && id !== origin)
    .sort();
  const stands = others.map((id) => stand(record, running, id, look, line, ofOrigin));
  const candidates = bounded(stands.map((one) => without(one, 'status')));
  const make = (
    to: string,
    parent: number,
    guard: string,
    holds: boolean,
    text: string,
    more: Partial<Election> = {},
  ): Election => ({
    to,
    parent,
    lostBytes: 0,
    candidates,
    reasons: [{ guard, holds, text }],
    ...more,
  });
  const replica = (chosen: Stand, guard: string, text: string): Election | undefined => {
    const fork = ofOrigin && forkOf(chosen, ofOrigin);
    return (
      fork &&
      make(chosen.id, parentOf(record, origin), guard, true, text, { fork, lostBytes: chosen.missingBytes ?? 0 })
    );
  };
  const best = ranked(record, stands.filter(isFit), now)[0];
  const untried = record.epoch === base;

  if (from === origin && untried) {
    const chosen = isAutomatic(running)
      ? best
      : (stands.find(({ id, guard }) => id === running.chosen && guard === undefined) ??
        (running.kind === 'failover' ? best : undefined));
    const taken = chosen && replica(chosen, 'E1-has-everything', everything(chosen, origin, ofOrigin));
    if (taken) return withTurn(taken, running);
    return inPlace(make, record, running, stands);
  }
  if (from !== origin && canStart(statusOf(look, origin))) {
    const text = `${from} failed; ${origin}, which has everything that was acknowledged before it, takes over`;
    return make(origin, parentOf(record, origin), 'E2-origin-lives', true, text);
  }
  const failed = from === origin ? `${origin} does not go on in place` : `${from} failed and ${origin} is out of reach`;
  const lossless = best && replica(best, 'E3-other-replica', `${failed}; ${everything(best, origin, ofOrigin)}`);
  if (lossless) return withTurn(lossless, running);
  const { maxLossBytes } = settingsOf(record);
  const nearest = ranked(record, stands.filter(isShort), now)[0];
  if (nearest?.missingBytes !== undefined && nearest.missingBytes <= maxLossBytes) {
    const text = `${failed}; ${nearest.id} lacks ${nearest.missingBytes} bytes, of which ${maxLossBytes} may be lost`;
    const lossy = replica(nearest, 'E4-loss-allowed', text);
    if (lossy) return withTurn(lossy, running);
  }
  const limit = nearest ? `, at most ${maxLossBytes} bytes may be lost` : '';
  const text = `${failed}${limit}: ${whyNot(stands)}; ${from} goes on trying`;
  return make(from, record.epoch, 'E5-nobody-else', false, text);
}

const parentOf = (record: HaRecord, origin: string): number =>
  record.epochs.findLast(({ primary }) => primary === origin)?.epoch ?? record.epoch;

const whyNot = (stands: readonly Stand[]): string =>
  stands.map(({ why, id }) => why ?? `${id} does not say where it is`).join('; ') || 'the cluster has no replica';

const everything = ({ id, position }: Stand, origin: string, evidence: FenceEvidence | undefined): string =>
  evidence?.cleanStop
    ? `${id} has replayed everything up to the last checkpoint of ${origin} at ${evidence.lsn}`
    : `${id} has the WAL of ${origin} up to ${position}, which ends at ${evidence?.walEnd}`;

/** Somebody else than the one that was asked for. */
function withTurn(election: Election, running: Switch): Election {
  if (isAutomatic(running) || running.turned || election.to === running.chosen) return election;
  return { ...election, turned: troubleOf('SwitchReturned', election.reasons[0]?.text ?? '') };
}

function inPlace(
  make: (to: string, parent: number, guard: string, holds: boolean, text: string) => Election,
  record: HaRecord,
  running: Switch,
  stands: readonly Stand[],
): Election {
  const { from, chosen } = running;
  const asked = isAutomatic(running) ? stands : stands.filter(({ id }) => id === chosen);
  const text = `${whyNot(asked.length > 0 ? asked : stands)}; ${from} has everything and goes on itself`;
  const election = make(from, record.epoch, 'E1-has-everything', false, text);
  if (isAutomatic(running)) return election;
  const { remedy } = errorTable.SwitchReturned;
  return { ...election, turned: running.turned ?? { code: 'SwitchReturned', message: text, remedy } };
}

/** Whether an engine that was proven dead could be started: its agent answers, and nothing of it runs. */
const canStart = (status: AgentStatus | undefined): boolean =>
  status !== undefined &&
  (status.engine.state === 'stopped' || (status.engine.state === 'failed' && status.engine.pid === undefined));

/** Who takes over, once the old primary is proven dead; and the write that makes it so. */

import { errorTable } from '@polarstack/base';
import type { AgentStatus, FenceEvidence } from '@polarstack/contracts';
import { isPast } from '../lsn.ts';
import { EPOCHS_KEPT, type EpochEntry, type HaRecord, type Switch, type Trouble } from '../record/record.ts';
import type { Reason } from './checks.ts';
import { type ClusterLook, statusOf } from './look.ts';

export type Election =
  | {
      readonly to: string;
      /** The epoch whose WAL it goes on from. */
      readonly parent: number;
      /** Where the new line leaves the old one; undefined where the same instance goes on. */
      readonly fork?: { readonly timeline: number; readonly lsn: string };
      readonly turned?: Trouble;
      readonly reasons: readonly Reason[];
    }
  | { readonly to: undefined; readonly trouble: Trouble; readonly reasons: readonly Reason[] };

/** What keeps a replica from taking over from the instance that the evidence is about; undefined where nothing does. */
function objection(status: AgentStatus | undefined, id: string, evidence: FenceEvidence): string | undefined {
  if (!status) return `the agent of ${id} does not answer`;
  const { engine } = status;
  if (engine.state !== 'running' || engine.role !== 'replica') return `the engine of ${id} is ${engine.state}`;
  if (engine.systemId !== evidence.systemId) return `${id} is no copy of this database`;
  if (!evidence.cleanStop || evidence.lsn === undefined)
    return 'the old primary did not end in order, so what it wrote last is known to itself alone';
  // Without a walreceiver a replica tells the timeline of its last restart point: an older one says nothing.
  if ((engine.timeline ?? 0) > (evidence.timeline ?? 0)) return `${id} is on a timeline of its own`;
  if (!isPast(engine.lsn, evidence.lsn))
    return `${id} has replayed to ${engine.lsn ?? 'nowhere'} only, not past ${evidence.lsn}`;
  return undefined;
}

/** Where the line of a replica leaves that of the stopped one: at what it has replayed. */
const forkOf = (
  { engine }: AgentStatus,
  { timeline }: FenceEvidence,
): { readonly timeline: number; readonly lsn: string } | undefined =>
  timeline !== undefined && engine.lsn !== undefined ? { timeline, lsn: engine.lsn } : undefined;

/** Invariant M4. */
export function elect(record: HaRecord, running: Switch, evidence: FenceEvidence, look: ClusterLook): Election {
  if (running.from !== running.origin) return electAfterFailure(record, running, look);
  const { to, from } = running;
  const status = statusOf(look, to);
  const why = objection(status, to, evidence);
  const fork = status && forkOf(status, evidence);
  if (why === undefined && fork) {
    const text = `${to} has replayed everything up to the last checkpoint of ${from} at ${evidence.lsn}`;
    return { to, parent: record.epoch, fork, reasons: [{ guard: 'E1-has-everything', holds: true, text }] };
  }
  const text = `${why ?? `${to} does not say where it is`}; ${from} has everything and goes on itself`;
  const { remedy } = errorTable.SwitchReturned;
  return {
    to: from,
    parent: record.epoch,
    turned: running.turned ?? { code: 'SwitchReturned', message: text, remedy },
    reasons: [{ guard: 'E1-has-everything', holds: false, text }],
  };
}

/**
 * Nothing was routed to the one that failed. The primary before it has everything that was acknowledged, and is the first choice;
 * without it, a replica that is proven to have all of that too.
 */
function electAfterFailure(record: HaRecord, running: Switch, look: ClusterLook): Election {
  const { origin, from } = running;
  const parent = record.epochs.findLast(({ primary }) => primary === origin)?.epoch ?? record.epoch;
  if (statusOf(look, origin)?.engine.state === 'stopped') {
    const text = `${from} failed; ${origin}, which has everything that was acknowledged before it, takes over`;
    return { to: origin, parent, reasons: [{ guard: 'E2-origin-lives', holds: true, text }] };
  }
  const stop = running.evidence.find(({ instanceId }) => instanceId === origin);
  const others = Object.entries(record.members).filter(
    ([id, { electable }]) => electable && id !== from && id !== origin,
  );
  for (const [id] of others) {
    const status = statusOf(look, id);
    const fork = status && stop && forkOf(status, stop);
    if (!stop || !fork || objection(status, id, stop) !== undefined) continue;
    const text = `${from} failed and ${origin} is out of reach; ${id} has replayed everything that ${origin} wrote`;
    return { to: id, parent, fork, reasons: [{ guard: 'E3-other-replica', holds: true, text }] };
  }
  const text = `${from} failed, ${origin} is out of reach, and no other replica is proven to have everything`;
  const { remedy } = errorTable.NoSwitchTarget;
  return {
    to: undefined,
    trouble: { code: 'NoSwitchTarget', message: text, remedy },
    reasons: [{ guard: 'E3-other-replica', holds: false, text }],
  };
}

/** S4: the epoch, its primary and the evidence in one write. */
export function commit(
  record: HaRecord,
  running: Switch,
  elected: Extract<Election, { readonly to: string }>,
  evidence: FenceEvidence,
  now: Date,
): HaRecord {
  const { from, epoch } = running;
  if (evidence.instanceId !== from || evidence.epoch !== epoch)
    throw new TypeError(
      `evidence of ${evidence.instanceId} for epoch ${evidence.epoch} is none against ${from} in ${epoch}`,
    );
  if (epoch <= record.epoch) throw new TypeError(`epoch ${epoch} is not above ${record.epoch}`);
  const { to, fork, turned } = elected;
  const at = now.toISOString();
  const entry: EpochEntry = {
    epoch,
    primary: to,
    parent: elected.parent,
    ...(fork && { parentTimeline: fork.timeline, forkLsn: fork.lsn }),
    at,
  };
  return {
    ...record,
    epoch,
    primary: to,
    epochs: [...record.epochs, entry].slice(-EPOCHS_KEPT),
    switch: {
      ...running,
      to,
      step: 'S5',
      evidence: [...running.evidence, { kind: 'F1', ...evidence }],
      times: { ...running.times, S4: at, S5: at },
      ...(turned && { turned }),
    },
  };
}

import type { FenceEvidence } from '@polarstack/contracts';
import { EPOCHS_KEPT, type EpochEntry, type HaRecord, type Switch } from '../record/record.ts';
import type { Election } from './elect.ts';
import { isAutomatic } from './outcome.ts';

/** S4: the epoch, its primary and the evidence in one write. */
export function commit(
  record: HaRecord,
  running: Switch,
  elected: Election,
  evidence: FenceEvidence,
  now: Date,
): HaRecord {
  const { from, epoch } = running;
  if (evidence.instanceId !== from || evidence.epoch !== epoch)
    throw new TypeError(
      `evidence of ${evidence.instanceId} for epoch ${evidence.epoch} is none against ${from} in ${epoch}`,
    );
  if (epoch <= record.epoch) throw new TypeError(`epoch ${epoch} is not above ${record.epoch}`);
  const { to, fork, turned, lostBytes, candidates } = elected;
  const at = now.toISOString();
  const entry: EpochEntry = {
    epoch,
    primary: to,
    parent: elected.parent,
    ...(fork && { parentTimeline: fork.timeline, forkLsn: fork.lsn }),
    ...(lostBytes > 0 && { lostBytes }),
    at,
  };
  const failover = running.kind === 'failover' || lostBytes > 0;
  return {
    ...record,
    epoch,
    primary: to,
    epochs: [...record.epochs, entry].slice(-EPOCHS_KEPT),
    switch: {
      ...running,
      to,
      step: 'S5',
      ...(isAutomatic(running) && { chosen: to }),
      evidence: [...running.evidence.filter(({ instanceId }) => instanceId !== from), { kind: 'F1', ...evidence }],
      times: { ...running.times, S4: at, S5: at },
      ...(turned && { turned }),
      ...(failover && { lostBytes, candidates }),
    },
  };
}

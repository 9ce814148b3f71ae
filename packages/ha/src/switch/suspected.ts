/** What a failure of the primary makes of a switch that is under way. */
import { causeOf, failoverGuards } from '../failover/suspicion.ts';
import { isFailure, type Judgement } from '../failover/verdict.ts';
import type { Cause } from '../record/failover.ts';
import type { HaRecord, Switch, Trouble } from '../record/record.ts';
import { without } from '../record/record.ts';
import { end, moved, type Outcome, stay, troubleOf } from './outcome.ts';
import { proposeFailover } from './propose.ts';

/**
 * Invariant M7. S1: nothing was done, the request is refused and a failover begins. S2: the switch goes on as a failover. S8, S9: the
 * switch is over for everybody who writes; what is left of it is seen to later. Between, the primary is the one that the switch
 * itself sees to.
 */
export function suspected(record: HaRecord, running: Switch, judgement: Judgement, now: Date): Outcome {
  if (!isFailure(judgement.verdict)) return stay(record);
  const sentence = `primary ${judgement.instance} is ${judgement.verdict}`;
  switch (running.step) {
    case 'S1':
      return instead(record, end(record, running, 'refused', troubleOf('PrimaryUnfit', sentence), now), judgement, now);
    case 'S2': {
      const mine = judgement.instance === running.from && judgement.epoch === record.epoch && !running.withdrawn;
      const cause = mine ? causeOf(judgement, failoverGuards(record, judgement, now), now) : undefined;
      return cause ? turnedToFailover(record, running, cause, now) : stay(record);
    }
    case 'S8':
    case 'S9': {
      const outcome = running.to === running.chosen ? 'done' : 'failed';
      const left = { [judgement.instance]: `${sentence}; the others are seen to after the failover` };
      return instead(record, end(record, running, outcome, running.turned, now, { left }), judgement, now);
    }
    case 'S3':
    case 'S5':
    case 'S6':
    case 'S7':
      return stay(record);
  }
}

/** The switch ends only where a failover begins in the same write. */
function instead(record: HaRecord, ended: HaRecord, judgement: Judgement, now: Date): Outcome {
  const proposed = proposeFailover(ended, judgement, now);
  return { record: proposed.record === ended ? record : proposed.record, reasons: proposed.reasons };
}

/** A switchover whose old primary cannot be stopped in order, or not be resumed: evidence decides who goes on. */
export function turnedToFailover(record: HaRecord, running: Switch, cause: Cause, now: Date): Outcome {
  const turned: Switch = { ...without(running, 'trouble', 'withdrawn'), kind: 'failover', cause };
  const guard = { guard: 'P2-old-primary-serves', holds: false, text: cause.signals[0]?.text ?? cause.verdict };
  return { record: moved(record, turned, 'S3', now), reasons: [...cause.guards, guard] };
}

/** The cause where it was not pulses that told of it. */
export const causeFrom = ({ message }: Pick<Trouble, 'message'>, running: Switch, now: Date): Cause => ({
  verdict: 'dead',
  instance: running.from,
  seenAt: now.toISOString(),
  signals: [{ what: 'E1', text: message.slice(0, 500), at: now.toISOString() }],
  guards: [],
});

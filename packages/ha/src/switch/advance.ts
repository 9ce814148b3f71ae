/**
 * The state machine of a switch: what an event makes of the record. Pure; the record is written before any effect of the state
 * that it then shows is begun.
 *
 * Invariants (tests cite them):
 * - M1 Epoch and primary change only by the commit, in one write, and only with process proof against the primary before.
 * - M2 A switch is taken back only while nothing with its epoch was sent: in S1, and in S2 by resuming the old primary.
 * - M3 From S3 on a switch ends in its epoch or a higher one, whoever is primary then; what it waits for is in the record.
 * - M4 In a planned switch a replica is elected only where it has replayed everything that the stopped primary wrote, after a failure
 *      where it has received everything; else the primary goes on itself, in the new epoch (`elect.ts`).
 * - M5 An event of another state, switch or epoch than the record shows changes nothing.
 * - M6 Where nothing can be decided safely nothing is decided, and the record says what is waited for.
 * - M7 No state waits for an old primary to serve again once it has failed: before the stop the switch gives way to a failover, after
 *      it the switch goes on as one. From S8 on a failure of the new primary is a failure like any other.
 */
import { type HaRecord, type Switch, type SwitchStep, without } from '../record/record.ts';
import { commit } from './commit.ts';
import { elect } from './elect.ts';
import type { SwitchAction, SwitchEvent, SwitchTag } from './events.ts';
import { failed } from './failed.ts';
import { end, moved, type Outcome, stay } from './outcome.ts';
import { proposeFailover, proposeSwitchover } from './propose.ts';
import { causeFrom, suspected, turnedToFailover } from './suspected.ts';

export interface Decision extends Outcome {
  /** What is to be done once the record is written. */
  readonly action: SwitchAction | undefined;
}

const tagOf = ({ id, step, epoch }: Switch): SwitchTag => ({ id, step, epoch });

/** What the state of the record asks for; undefined where nothing is under way. */
export function nextAction(record: HaRecord): SwitchAction | undefined {
  const { switch: running, request } = record;
  if (running === undefined) return request && { kind: 'look', request: request.id };
  const { from, to } = running;
  const of = tagOf(running);
  switch (running.step) {
    case 'S1':
      return { kind: 'prepare', of, from, to };
    case 'S2':
      return running.withdrawn ? { kind: 'resume', of, from } : { kind: 'stop', of, from, to };
    case 'S3':
      return { kind: 'fence', of, from, to };
    case 'S5':
      return { kind: 'promote', of, to };
    case 'S6':
      return { kind: 'verify', of, to };
    case 'S7':
      return { kind: 'route', of, to };
    case 'S8':
      return { kind: 'follow', of };
    case 'S9':
      return { kind: 'rejoin', of };
  }
}

export function advance(record: HaRecord, event: SwitchEvent, now: Date): Decision {
  const { record: next, reasons } = decide(record, event, now);
  return { record: next, reasons, action: nextAction(next) };
}

function decide(record: HaRecord, event: SwitchEvent, now: Date): Outcome {
  const { request, switch: running } = record;
  if (event.kind === 'looked') {
    if (running || request?.id !== event.request) return stay(record);
    return proposeSwitchover(record, request, event.look, now);
  }
  if (event.kind === 'suspected') {
    return running ? suspected(record, running, event.judgement, now) : proposeFailover(record, event.judgement, now);
  }
  const { of } = event;
  if (!running || running.id !== of.id || running.step !== of.step || running.epoch !== of.epoch) return stay(record);
  if (event.kind === 'failed') return failed(record, running, event, now);
  // A state that is over waits for nothing.
  const free = without(running, 'trouble');
  const to = (step: SwitchStep): Outcome => stay(moved(record, free, step, now));
  switch (event.kind) {
    case 'prepared':
      return to('S2');
    case 'stopped':
      return running.withdrawn ? stay(record) : to('S3');
    case 'ended':
      return running.withdrawn
        ? stay(record)
        : turnedToFailover(record, free, causeFrom({ message: event.how }, running, now), now);
    case 'resumed':
      return running.withdrawn ? stay(end(record, free, 'failed', running.withdrawn, now)) : stay(record);
    case 'fenced': {
      const elected = elect(record, free, event.evidence, event.look, now);
      return { record: commit(record, free, elected, event.evidence, now), reasons: elected.reasons };
    }
    case 'promoted':
      return to('S6');
    case 'verified':
      return to('S7');
    case 'routed':
      return to('S8');
    case 'followed':
      return to('S9');
    case 'rejoined': {
      const left = Object.keys(event.left).length === 0 ? {} : { left: event.left };
      const outcome = free.to === free.chosen ? 'done' : 'failed';
      return stay(end(record, free, outcome, free.turned, now, left));
    }
  }
}

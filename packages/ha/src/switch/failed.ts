/** What becomes of a switch whose effects fail: waited for, taken back, or given to somebody else (S8'). */
import type { HaRecord, Switch, Trouble } from '../record/record.ts';
import { without } from '../record/record.ts';
import { elect } from './elect.ts';
import type { SwitchEvent } from './events.ts';
import type { ClusterLook } from './look.ts';
import { end, moved, type Outcome, stay, troubleOf, waiting } from './outcome.ts';
import { causeFrom, turnedToFailover } from './suspected.ts';

/** How long the one that was elected may fail, though its agent answers, before another one is elected; in milliseconds. */
export const PROMOTION_PATIENCE_MS = 20_000;
/** The same where its engine ends as soon as it is started: nothing is gained by waiting. */
export const START_PATIENCE_MS = 5_000;
/** How long somebody who would lose nothing may fail to recover before somebody is elected who lacks something. */
export const LOSS_PATIENCE_MS = 60_000;
/** How long the old primary may refuse to be resumed before it is given up. */
export const RESUME_PATIENCE_MS = 5_000;

type Failure = Extract<SwitchEvent, { readonly kind: 'failed' }>;

const patienceOf = ({ code }: Trouble): number =>
  code === 'EngineStartFailed' ? START_PATIENCE_MS : PROMOTION_PATIENCE_MS;

const sinceStep = ({ times }: Switch, step: 'S2' | 'S5'): number => Date.parse(times[step] ?? times.S3 ?? '');

/** Whether a failure has lasted for so long that it matters who else there is. */
export const isPatienceOver = (running: Switch, trouble: Trouble, now: Date): boolean =>
  (running.step === 'S5' || running.step === 'S6') && now.getTime() - sinceStep(running, 'S5') >= patienceOf(trouble);

export function failed(record: HaRecord, running: Switch, event: Failure, now: Date): Outcome {
  const { trouble, answered, look } = event;
  switch (running.step) {
    case 'S1':
      return stay(end(record, running, 'refused', trouble, now));
    case 'S2': {
      if (!running.withdrawn) {
        const withdrawn = { ...troubleOf('SwitchWithdrawn', trouble.message), since: now.toISOString() };
        return stay({ ...record, switch: { ...without(running, 'trouble'), withdrawn } });
      }
      // M7: waiting for it would be waiting for ever.
      const since = Date.parse(running.withdrawn.since ?? running.trouble?.since ?? '');
      if (answered && now.getTime() - since >= RESUME_PATIENCE_MS)
        return turnedToFailover(record, running, causeFrom(trouble, running, now), now);
      return waiting(record, running, trouble, now);
    }
    case 'S5':
    case 'S6':
      if (answered && look && isPatienceOver(running, trouble, now)) return next(record, running, trouble, look, now);
      return waiting(record, running, trouble, now);
    case 'S3':
    case 'S7':
    case 'S8':
    case 'S9':
      return waiting(record, running, trouble, now);
  }
}

/**
 * S8': the one that was elected cannot do it. It is the old primary of a further epoch, and needs evidence like any other. Where
 * nobody else could take over it is left to go on trying (I13).
 */
function next(record: HaRecord, running: Switch, trouble: Trouble, look: ClusterLook, now: Date): Outcome {
  const epoch = record.epoch + 1;
  const turned = running.turned ?? troubleOf('SwitchReturned', trouble.message);
  const again: Switch = { ...without(running, 'trouble'), from: running.to, epoch, turned };
  const opinion = elect(record, again, undefined, look, now);
  const works = {
    guard: 'P1-elected-one-works',
    holds: false,
    text: `${running.to} was elected and fails: ${trouble.message}`,
  };
  const reasons = [works, ...opinion.reasons];
  // A recovery takes as long as it takes: what it brings back is given up late.
  const lossPatience = trouble.code === 'EngineStartFailed' ? PROMOTION_PATIENCE_MS : LOSS_PATIENCE_MS;
  const tooSoon = opinion.lostBytes > 0 && now.getTime() - sinceStep(running, 'S5') < lossPatience;
  if (tooSoon || opinion.to === running.to) {
    const but = tooSoon ? 'nobody else has everything' : 'nobody else can take over';
    const message = `${trouble.message}; ${but}: ${opinion.reasons[0]?.text ?? ''}`;
    return waiting(record, running, troubleOf('NoSwitchTarget', message.slice(0, 4_000)), now, reasons);
  }
  return { record: moved(record, { ...again, to: opinion.to }, 'S3', now), reasons };
}

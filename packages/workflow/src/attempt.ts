import { type Clock, StackError } from '@polarstack/base';
import type { Step, StepContext, StepResult } from './workflow.ts';

export interface AttemptOptions<S> {
  readonly step: Pick<Step<S>, 'name' | 'timeoutMs' | 'run'>;
  readonly context: Omit<StepContext<S>, 'signal'>;
  /** Shutdown or cancel. */
  readonly signal: AbortSignal;
  readonly clock: Clock;
  /** How long a step may take to stop after it was told to, in milliseconds. */
  readonly graceMs: number;
}

/**
 * One attempt of a step, with its time-out. Whatever the step does (throws, rejects, throws something that is no
 * error, never ends), this settles; and it settles only after the step did, or with `StepStuck` after the grace,
 * so that two attempts never overlap unnoticed.
 */
export async function runAttempt<S>({ step, context, signal, clock, graceMs }: AttemptOptions<S>): Promise<StepResult> {
  const stop = new AbortController();
  const timer = new AbortController();
  const onAbort = (): void => stop.abort(signal.reason);
  if (signal.aborted) onAbort();
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    const work = (async () => await step.run({ ...context, signal: stop.signal }))();
    const settled = work.then(
      () => undefined,
      () => undefined,
    );
    const timedOut = clock.sleep(step.timeoutMs, timer.signal).then(
      () => stop.abort(new StackError('StepTimeout', `step ${step.name} took longer than ${step.timeoutMs} ms`)),
      () => undefined,
    );
    await Promise.race([settled, aborted(stop.signal)]);
    if (stop.signal.aborted) {
      const grace = clock.sleep(graceMs, timer.signal).then(
        () => true,
        () => false,
      );
      const stuck = await Promise.race([settled.then(() => false), grace]);
      if (stuck) {
        throw new StackError('StepStuck', `step ${step.name} did not stop within ${graceMs} ms`, {
          cause: stop.signal.reason,
        });
      }
    }
    timer.abort();
    await timedOut;
    const result = await work.catch((error: unknown) => {
      // What a step throws because it was told to stop is less telling than why it was told.
      if (stop.signal.aborted) throw stop.signal.reason;
      throw error;
    });
    return result ?? { type: 'done' };
  } finally {
    signal.removeEventListener('abort', onAbort);
    timer.abort();
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

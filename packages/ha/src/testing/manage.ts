import { tend } from '../actor.ts';
import { requestSwitch } from '../record/request.ts';
import { Killed, type Model } from './model.ts';

const quiet = { info: () => {}, warn: () => {} };

/** Asks for a switch in the record, as the operator does. */
export function ask(model: Model, target?: string, id = 'ask'): void {
  const { clock } = model;
  model.record = requestSwitch(model.record, {
    id,
    kind: 'switchover',
    ...(target === undefined ? {} : { target }),
    reason: 'a test',
    requester: 'test',
    at: clock.now().toISOString(),
    deadline: new Date(clock.now().getTime() + 60_000).toISOString(),
  });
}

/**
 * Runs cluster managers, one after the other dies, until one of them has nothing left to do, or the time is over; in milliseconds of
 * the model's clock. Answers whether nothing was left to do.
 */
export async function manage(model: Model, forMs = 600_000, limit = 100): Promise<boolean> {
  const { clock } = model;
  const end = clock.monotonic() + forMs;
  for (let lives = 0; lives < limit; lives++) {
    const signal = model.life();
    const done = new AbortController();
    const timer = clock.sleep(Math.max(0, end - clock.monotonic()), done.signal).then(
      () => model.kill('the time is over'),
      () => undefined,
    );
    try {
      const { store, ports, pulses } = model;
      await clock.run(tend({ store, ports, clock, log: quiet, signal, pulses }));
      return true;
    } catch (error) {
      const lostApi = error instanceof Error && 'code' in error && error.code === 'ApiUnreachable';
      if (!(error instanceof Killed) && !lostApi) throw error;
      if (clock.monotonic() >= end) return false;
    } finally {
      done.abort();
      await timer;
    }
  }
  throw new Error(`${limit} managers did not come to an end`);
}

/** A manager that looks again and again for a while, as pulses wake it. */
export async function watch(model: Model, forMs: number, stepMs = 400): Promise<void> {
  const { clock } = model;
  for (const end = clock.monotonic() + forMs; clock.monotonic() < end; ) {
    await manage(model, end - clock.monotonic());
    await clock.advance(Math.min(stepMs, Math.max(0, end - clock.monotonic())));
    model.live();
  }
}

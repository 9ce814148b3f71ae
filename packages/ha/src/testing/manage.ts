import { createVirtualClock, type VirtualClock } from '@polarstack/testkit';
import { tend } from '../actor.ts';
import { requestSwitch } from '../record/request.ts';
import { Killed, type Model } from './model.ts';

const quiet = { info: () => {}, warn: () => {} };

/** Asks for a switch in the record, as the operator does. */
export function ask(model: Model, clock: VirtualClock, target?: string, id = 'ask'): void {
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

/** Runs cluster managers, one after the other dies, until one of them has nothing left to do. */
export async function manage(model: Model, clock: VirtualClock = createVirtualClock(), limit = 50): Promise<void> {
  for (let lives = 0; lives < limit; lives++) {
    const signal = model.life();
    try {
      await clock.run(tend({ store: model.store, ports: model.ports, clock, log: quiet, signal }));
      return;
    } catch (error) {
      const lostApi = error instanceof Error && 'code' in error && error.code === 'ApiUnreachable';
      if (!(error instanceof Killed) && !lostApi) throw error;
    }
  }
  throw new Error(`${limit} managers did not come to an end`);
}

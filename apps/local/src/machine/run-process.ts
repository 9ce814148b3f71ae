import { setMaxListeners } from 'node:events';
import type { Logger } from '@polarstack/base';

/**
 * Runs a process's `work` until it ends or SIGTERM or SIGINT aborts it, then exits: whatever the work left behind must
 * not keep the process alive. What nobody caught is logged and ends the process, since nobody knows what it broke.
 */
export function runProcess(log: Logger, work: (signal: AbortSignal) => Promise<void>): void {
  const controller = new AbortController();
  // Every request under way listens to the signal of its part; ten is no sign of a leak here.
  setMaxListeners(200);
  setMaxListeners(200, controller.signal);
  for (const name of ['SIGTERM', 'SIGINT'] as const) {
    process.on(name, () => {
      log.info({ signal: name }, 'stopping');
      controller.abort();
    });
  }
  // The terminal that `up` ran in may close; that is no reason to end.
  process.on('SIGHUP', () => {});
  const die = (error: unknown): never => {
    const fields = error instanceof Error ? { error: error.message, stack: error.stack } : { error: String(error) };
    log.error(fields, 'ended by an error that nobody caught');
    process.exit(70);
  };
  process.on('uncaughtException', die);
  process.on('unhandledRejection', die);
  work(controller.signal).then(
    () => {
      log.info({}, 'stopped');
      process.exit(0);
    },
    (error: unknown) => {
      if (controller.signal.aborted) process.exit(0);
      die(error);
    },
  );
}

import { StackError } from '@polarstack/base';

/** Runs `work` with a signal that Ctrl-C (and SIGTERM) aborts, and only while it runs. */
export async function untilInterrupted<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const stop = (): void => controller.abort(new StackError('Cancelled', 'interrupted before it was done'));
  process.once('SIGINT', stop);
  process.once('SIGTERM', stop);
  try {
    return await work(controller.signal);
  } finally {
    process.off('SIGINT', stop);
    process.off('SIGTERM', stop);
  }
}

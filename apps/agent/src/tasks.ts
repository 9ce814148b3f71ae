import { isStackError, type Logger, StackError, systemClock, toStackError } from '@polarstack/base';
import type { AgentTask } from '@polarstack/contracts';
import { createNotifier } from './notifier.ts';

type Progress = NonNullable<AgentTask['progress']>;

export interface Tasks {
  /** The task that runs, or the last one that ran. */
  readonly current: AgentTask | undefined;
  /**
   * Starts a task, or answers the one with the same id. Throws `TaskRunning` while another runs. Tasks are idempotent and
   * kept in memory only: after the agent's death the caller asks again and the work goes on where it must.
   */
  start(
    id: string,
    kind: AgentTask['kind'],
    work: (report: (progress: Progress) => void, signal: AbortSignal) => Promise<void>,
  ): AgentTask;
  /** Throws `UnknownTask`. Waits up to `waitMs` for the end, or for the first progress where there was none. */
  get(id: string, waitMs: number, signal: AbortSignal): Promise<AgentTask>;
}

export function createTasks(options: { readonly log: Logger; readonly signal: AbortSignal }): Tasks {
  let current: AgentTask | undefined;
  const changed = createNotifier();

  const finish = (id: string, end: Pick<AgentTask, 'state' | 'error'>): void => {
    if (current?.id !== id) return;
    const { progress: _, ...rest } = current;
    current = { ...(end.state === 'done' ? rest : current), ...end, finishedAt: systemClock.now().toISOString() };
    changed.notify();
  };

  return {
    get current() {
      return current;
    },
    start: (id, kind, work) => {
      if (current?.id === id) return current;
      if (current?.state === 'running')
        throw new StackError('TaskRunning', `task ${current.id} (${current.kind}) is running`);
      current = { id, kind, state: 'running', startedAt: systemClock.now().toISOString() };
      const started = current;
      const report = (progress: Progress): void => {
        if (current?.id !== id || current.state !== 'running') return;
        const first = current.progress === undefined;
        current = { ...current, progress };
        if (first) changed.notify();
      };
      work(report, options.signal).then(
        () => finish(id, { state: 'done' }),
        (error: unknown) => {
          const { code, message, remedy } = toStackError(error);
          options.log.error(
            { task: id, kind, code, ...(isStackError(error) ? {} : { err: error }) },
            `task failed: ${message}`,
          );
          finish(id, { state: 'failed', error: { code, message, remedy } });
        },
      );
      return started;
    },
    get: async (id, waitMs, signal) => {
      const deadline = systemClock.monotonic() + waitMs;
      const known = current?.progress !== undefined;
      for (;;) {
        if (current?.id !== id) throw new StackError('UnknownTask', `no task ${id} is known here`);
        const left = deadline - systemClock.monotonic();
        if (current.state !== 'running' || left <= 0 || signal.aborted || options.signal.aborted) return current;
        if (!known && current.progress !== undefined) return current;
        await changed.wait({ ms: left, signal });
      }
    },
  };
}

import { type Clock, StackError, systemClock } from '@polarstack/base';
import { type ProcessEntry, readProcess } from './process-table.ts';

export interface KillOptions {
  /** Longest time, in milliseconds, that dying may take. Default 30 000. */
  readonly deadlineMs?: number;
  readonly clock?: Clock;
  readonly kill?: (pid: number) => void;
}

function sigkill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}

/**
 * Kills all that `find` finds, oldest first (whoever starts others goes before them: keeper, agent, postmaster, then
 * backends), and scans again until two scans in a row find none. Only its return is proof that a pod runs nothing.
 *
 * Answers how many processes were killed. Throws `ProcessesSurvived` when the deadline passes first.
 */
export async function killAll(find: () => readonly ProcessEntry[], options: KillOptions = {}): Promise<number> {
  const { deadlineMs = 30_000, clock = systemClock, kill = sigkill } = options;
  const deadline = clock.monotonic() + deadlineMs;
  const killed = new Set<string>();
  for (let empty = 0; ; ) {
    const found = find();
    if (found.length === 0) {
      empty += 1;
      if (empty === 2) return killed.size;
    } else {
      empty = 0;
      for (const { pid, startTime } of found) {
        // The scan took a moment: a pid that was given to somebody else meanwhile is not ours.
        if (options.kill === undefined && readProcess(pid)?.startTime !== startTime) continue;
        kill(pid);
        killed.add(`${pid}:${startTime}`);
      }
      if (clock.monotonic() > deadline) {
        const pids = found.map((entry) => `${entry.pid} (${entry.state})`);
        throw new StackError('ProcessesSurvived', `still there after SIGKILL: ${pids.join(', ')}`, {
          details: { pids: found.map((entry) => entry.pid) },
        });
      }
    }
    await clock.sleep(found.length === 0 ? 1 : 5);
  }
}

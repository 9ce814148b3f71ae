import { type Clock, StackError } from '@polarstack/base';
import type { Home } from '../home/home.ts';
import { findProcesses, type ProcessView } from '../machine/process-identity.ts';

/**
 * Every process that belongs to a home: it runs one of its programs, or works below one of the folders that it runs
 * things in and has no terminal (a shell that a user has opened there is none of ours).
 */
export function homeProcesses(home: Home): readonly ProcessView[] {
  const folders = [home.nodes, home.proxy];
  const programs = `${home.versions}/`;
  const worksHere = (cwd: string): boolean => folders.some((one) => cwd === one || cwd.startsWith(`${one}/`));
  return findProcesses(({ command, cwd, terminal }) => command.includes(programs) || (!terminal && worksHere(cwd)));
}

/** Those of {@link homeProcesses} that pods run. */
export function podProcesses(home: Home): readonly ProcessView[] {
  return homeProcesses(home).filter(({ cwd }) => cwd.startsWith(`${home.nodes}/`));
}

/**
 * Kills until two looks in a row find nothing, since a process found late may be the child of one just killed. Answers
 * what had to be killed; throws `ProcessesLeft` for what survives.
 */
export async function killAll(
  find: () => readonly ProcessView[],
  options: { readonly clock: Clock; readonly signal: AbortSignal; readonly timeoutMs: number },
): Promise<readonly ProcessView[]> {
  const { clock, signal, timeoutMs } = options;
  const killed = new Map<number, ProcessView>();
  const deadline = clock.monotonic() + timeoutMs;
  for (let empty = 0; empty < 2; ) {
    const found = find();
    empty = found.length === 0 ? empty + 1 : 0;
    for (const view of found) {
      killed.set(view.pid, view);
      try {
        process.kill(view.pid, 'SIGKILL');
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException;
        if (code !== 'ESRCH' && code !== 'EPERM') throw error;
      }
    }
    if (found.length > 0 && clock.monotonic() > deadline) {
      const list = found.map(({ pid, command }) => `${pid} ${command}`).join('\n');
      throw new StackError('ProcessesLeft', `still alive:\n${list}`, {
        details: { pids: found.map(({ pid }) => pid) },
      });
    }
    await clock.sleep(20, signal);
  }
  return [...killed.values()];
}

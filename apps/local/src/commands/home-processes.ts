import { type Clock, StackError } from '@polarstack/base';
import type { Home } from '../home/home.ts';
import { findProcesses, type ProcessView } from '../machine/process-identity.ts';
import { systemAccounts } from '../machine/system-user.ts';

/**
 * Every process that belongs to a home: one of its own users' (or of ours) that runs one of its programs, or one of its
 * users' that works below one of the folders that it runs things in and has no terminal (a shell that a user has opened
 * there is none of ours). Whoever else works there, or only mentions such a path, is a bystander.
 */
export function homeProcesses(home: Home): readonly ProcessView[] {
  const self = process.getuid?.() ?? 0;
  const { pods, proxy, manager } = systemAccounts();
  // As root nothing of ours but the programs of the home runs as root.
  const users = new Set(self === 0 ? [pods?.uid, proxy?.uid, manager?.uid] : [self]);
  return findProcesses((process) => {
    const isUsers = users.has(process.uid);
    if (!isUsers && process.uid !== self) return false;
    return programOf(home, process) !== undefined || (isUsers && !process.terminal && worksIn(home, process));
  });
}

function worksIn(home: Home, { cwd }: ProcessView): boolean {
  return [home.nodes, home.proxy].some((one) => cwd === one || cwd.startsWith(`${one}/`));
}

/** The program of the home that a process runs, below `versions/`: the first word that is no flag of its interpreter. */
export function programOf(home: Home, { words }: ProcessView): string | undefined {
  const program = words.slice(1).find((word) => !word.startsWith('-'));
  return [words[0], program].find((word) => word?.startsWith(`${home.versions}/`))?.slice(home.versions.length + 1);
}

/** Those of {@link homeProcesses} that are its proxy. */
export function proxyProcesses(home: Home): readonly ProcessView[] {
  return homeProcesses(home).filter((process) =>
    /\/(proxy\.mjs|polarstack-proxy)$/.test(programOf(home, process) ?? ''),
  );
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

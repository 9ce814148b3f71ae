/**
 * `polarstack down`: ends every process of a home, and with `remove` its data.
 *
 * Invariants (tests cite them):
 * - D1 Control stops the pods and ends; where it is dead the pods are stopped without it.
 * - D2 It returns only when two scans in a row have found no process of the home, or says which are left.
 * - D3 Doing it twice is doing it once.
 * - D4 Data is removed only from a folder that is a home of this user, and only after every process has ended.
 */
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type Clock, systemClock } from '@polarstack/base';
import { controlHolder, PODS_TERM_MS } from '../control/control-state.ts';
import { endProcess, readProxyState, sendSignal } from '../control/proxy-supervisor.ts';
import { releaseBlocks } from '../home/block-claims.ts';
import type { Home } from '../home/home.ts';
import { readHomeRecord } from '../home/home-record.ts';
import { acquireLock } from '../machine/file-lock.ts';
import { isProcessAlive } from '../machine/process-identity.ts';
import { homeProcesses, killAll, podProcesses } from './home-processes.ts';
import type { Progress } from './progress.ts';
import { removeRunFolders } from './run-folders.ts';
import { stopPods } from './stop-pods.ts';

const CONTROL_TERM_MS = 15_000;
const KILL_MS = 15_000;

export interface DownOptions {
  readonly home: Home;
  /** Removes the data too; whoever calls has asked. */
  readonly remove: boolean;
  readonly progress: Progress;
  readonly signal: AbortSignal;
  readonly clock?: Clock;
}

export interface DownResult {
  /** How many processes were running. */
  readonly stopped: number;
  readonly removed: boolean;
}

/** Errors: HomeMissing, HomeNotOurs, ProcessesLeft. */
export async function down({ home, remove, progress, signal, clock = systemClock }: DownOptions): Promise<DownResult> {
  readHomeRecord(home);
  const { lock } = await acquireLock(home.commandLock, 'polarstack down', {
    signal,
    onWait: (holder) =>
      progress.note(`${holder?.command ?? 'another command'} (pid ${holder?.pid ?? '?'}) is at work here; waiting`),
  });
  try {
    const stopped = await stopAll(home, progress, clock, signal);
    if (remove) await progress.step('Removing the data', async (say) => removeHome(home, say));
    return { stopped, removed: remove };
  } finally {
    lock.release();
  }
}

async function stopAll(home: Home, progress: Progress, clock: Clock, signal: AbortSignal): Promise<number> {
  const before = homeProcesses(home).length;
  const control = controlHolder(home);
  if (control) {
    sendSignal(control, 'SIGCONT'); // A stopped one would not hear that it is to end.
    await progress.step('Stopping the databases and the control process', () =>
      endProcess(control, clock, signal, { first: 'SIGUSR2', termMs: PODS_TERM_MS + CONTROL_TERM_MS }),
    );
  }
  if (podProcesses(home).length > 0) {
    await progress.step('Stopping the databases', () => stopPods(home, { clock, signal, timeoutMs: PODS_TERM_MS }));
  }
  const proxy = readProxyState(home.proxyState);
  if (proxy && isProcessAlive(proxy)) {
    await progress.step('Stopping the proxy', () => endProcess(proxy, clock, signal));
  }
  const killed = await killAll(() => homeProcesses(home), { clock, signal, timeoutMs: KILL_MS });
  if (killed.length > 0)
    progress.note(`killed ${killed.map(({ pid }) => pid).join(', ')}: they had not ended in order`);
  return before;
}

/** Everything below the folder, then the folder where it is not a mount point or held by somebody. */
function removeHome(home: Home, say: (detail: string) => void): void {
  removeRunFolders(home);
  releaseBlocks(home);
  for (const name of readdirSync(home.root)) {
    // The mark that makes this folder ours goes last: an interrupted removal can be repeated.
    if (name !== 'home.json') rmSync(join(home.root, name), { recursive: true, force: true });
  }
  rmSync(home.record, { force: true });
  try {
    rmSync(home.root, { recursive: true });
  } catch (error) {
    if (existsSync(home.root))
      say(`the empty folder ${home.root} stays: ${error instanceof Error ? error.message : ''}`);
  }
}

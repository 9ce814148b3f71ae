/**
 * `polarstack up`: from whatever is there to a running home of this code.
 *
 * Invariants (tests cite them):
 * - U1 Nothing is written before the folder is known to be ours to write.
 * - U2 Two `up`s (or an `up` and a `down`) never work on one home at the same time; the second waits.
 * - U3 A home that already runs this code is not touched. One that runs other code gets a new control process (and a
 *   new proxy where its code differs); pods are left running.
 */
import type { ChildProcess } from 'node:child_process';
import { type Clock, StackError, systemClock } from '@polarstack/base';
import { readLocalSettings } from '../config.ts';
import { type ControlHolder, type ControlState, controlHolder, runningControl } from '../control/control-state.ts';
import { endProcess } from '../control/proxy-supervisor.ts';
import { startControl } from '../control/start-control.ts';
import { type Build, findBuild } from '../home/build.ts';
import { findCheckout, type Home, resolveHome } from '../home/home.ts';
import { claimFolder, openHome, writeHomeRecord } from '../home/home-record.ts';
import { installVersion, pruneVersions } from '../home/versions.ts';
import { acquireLock } from '../machine/file-lock.ts';
import { isProcessStopped } from '../machine/process-identity.ts';
import { ensureSystemUser, MANAGER_USER, PROXY_USER } from '../machine/system-user.ts';
import { ensurePostgres, isRoot, mustBeLinux, mustBeReachable } from './preconditions.ts';
import type { Progress } from './progress.ts';

/** How long a control process may take to end: it finishes the writes under way. */
const CONTROL_TERM_MS = 15_000;

export interface UpOptions {
  /** `--home`. */
  readonly home: string | undefined;
  readonly progress: Progress;
  readonly signal: AbortSignal;
  readonly clock?: Clock;
  /** Runs with the command lock held, after the control process is ready: what the CLI wants in the API. */
  readonly populate?: (home: Home) => Promise<void>;
}

export interface UpResult {
  readonly home: Home;
  /** Why this folder. */
  readonly why: string;
  readonly control: 'started' | 'replaced' | 'unchanged';
  readonly url: string;
  readonly build: Build;
  /** The control process, where this call started it. */
  readonly child?: ChildProcess;
}

/** Chooses the home of a command from its flag, the environment and the place of the program. */
export function chooseHome(named: string | undefined): { readonly home: Home; readonly why: string } {
  const settings = readLocalSettings();
  return resolveHome({ named: named ?? settings.home, checkout: findCheckout(), isRoot: isRoot() });
}

export async function up(options: UpOptions): Promise<UpResult> {
  const { progress, signal, populate } = options;
  const clock = options.clock ?? systemClock;
  mustBeLinux();
  // Folders that we make must let the engines' user pass, whatever the umask of the user's shell; secrets have modes.
  process.umask(0o022);
  const { home, why } = chooseHome(options.home);
  mustBeReachable(home);
  claimFolder(home);
  const { lock } = await acquireLock(home.commandLock, 'polarstack up', {
    signal,
    onWait: (holder) =>
      progress.note(`${holder?.command ?? 'another command'} (pid ${holder?.pid ?? '?'}) is at work here; waiting`),
  });
  try {
    const build = findBuild();
    const before = controlHolder(home);
    if (before) mustNotBeStopped(before);
    const result =
      before?.build === build.id && before.url !== undefined
        ? { control: 'unchanged' as const, url: before.url }
        : await start(home, build, before, { progress, signal, clock });
    await populate?.(home);
    return { home, why, build, ...result };
  } finally {
    lock.release();
  }
}

async function start(
  home: Home,
  build: Build,
  before: ControlHolder | undefined,
  { progress, signal, clock }: { readonly progress: Progress; readonly signal: AbortSignal; readonly clock: Clock },
): Promise<Pick<UpResult, 'control' | 'url' | 'child'>> {
  const { record } = openHome(home, clock.now());
  const settings = readLocalSettings();
  const named = settings.pgBin ?? record.pgBin;
  await progress.step('PostgreSQL', async (say) => {
    const { found } = await ensurePostgres({ ...settings, pgBin: named }, (line) => progress.note(line), signal);
    say(found.map(({ version, bin }) => `${version} (${bin})`).join(', '));
  });
  if (settings.pgBin !== undefined && settings.pgBin !== record.pgBin) {
    writeHomeRecord(home, { ...record, pgBin: settings.pgBin });
  }
  const { account, created } = ensureSystemUser();
  if (created) progress.note(`made the system user ${account?.name}, as which the databases run`);
  if (ensureSystemUser(PROXY_USER).created)
    progress.note(`made the system user ${PROXY_USER}, as which the proxy runs`);
  if (ensureSystemUser(MANAGER_USER).created)
    progress.note(`made the system user ${MANAGER_USER}, as which the cluster manager runs`);
  const version = installVersion(home, build, { asOther: account !== undefined });
  if (before !== undefined) {
    await progress.step('Replacing the control process', async (say) => {
      const why =
        before.build === undefined ? 'it has no record' : `its code has changed (${before.build} -> ${build.id})`;
      say(`${why}; databases go on running`);
      await endProcess(before, clock, signal, { termMs: CONTROL_TERM_MS });
    });
  }
  const { url, child } = await progress.step('Control process', async (say) => {
    const started = await startControl(home, version, { onStep: say, signal });
    say(started.url);
    return started;
  });
  pruneVersions(home, build.id);
  return { control: before === undefined ? 'started' : 'replaced', url, child };
}

/** A stopped process answers nothing and holds everything; whoever stopped it may be looking at it. */
function mustNotBeStopped({ pid }: ControlHolder): void {
  if (!isProcessStopped(pid)) return;
  throw new StackError('ControlStopped', `the control process (pid ${pid}) is stopped (by SIGSTOP, or a debugger)`, {
    remedy: `Let it go on: kill -CONT ${pid}`,
  });
}

/** For commands that need a running home. */
export function mustRun(home: Home): ControlState {
  const control = runningControl(home);
  if (control) return control;
  throw new StackError('HomeMissing', `no control process runs in ${home.root}`);
}

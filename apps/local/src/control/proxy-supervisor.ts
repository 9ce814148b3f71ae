/**
 * Keeps one proxy process running.
 *
 * Invariants (tests cite them):
 * - V1 A proxy of the same code is adopted, not replaced: its connections are the clients'.
 * - V2 A proxy that died is started again, with a growing pause while it keeps dying.
 * - V3 Stopping the supervisor leaves the proxy as it is.
 * - V4 What the proxy's user can write is neither written nor believed: record and output lie in folders of our own,
 *   and the proxy gets its credentials on its standard input.
 */
import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { type Backoff, backoffDelay, type Clock, type Logger, systemClock } from '@polarstack/base';
import { plainEnvironment } from '../config.ts';
import { writeFileAtomic } from '../machine/atomic-file.ts';
import {
  identifyProcess,
  isProcessAlive,
  isProcessIdentity,
  type ProcessIdentity,
} from '../machine/process-identity.ts';
import type { Account } from '../machine/system-user.ts';

const restart: Backoff = { baseMs: 50, maxMs: 5_000 };
/** A proxy that lived this long is healthy: the next death starts the back-off anew. */
const HEALTHY_MS = 10_000;
/** How often an adopted proxy, of which nobody is the parent, is looked at. */
const LOOK_MS = 500;
const TERM_MS = 5_000;

export interface ProxySupervisorOptions {
  /** The proxy's own folder. */
  readonly folder: string;
  /** Where to note which proxy runs. */
  readonly state: string;
  /** Where goes what it prints outside of its log: the runtime's own last words. */
  readonly output: string;
  readonly program: string;
  /** What it gets on its standard input: how to reach the API. */
  readonly input: string;
  /** The proxies of this home that run, noted or not. */
  readonly find: () => readonly { readonly pid: number }[];
  /** Names the code and the settings that a proxy started now would have; a running one with others is replaced. */
  readonly code: string;
  readonly account: Account | undefined;
  readonly log: Logger;
  readonly signal: AbortSignal;
  readonly clock?: Clock;
}

/** What `proxy.json` says: the process, and which code it runs. */
export interface ProxyState extends ProcessIdentity {
  readonly code: string;
}

export function readProxyState(file: string): ProxyState | undefined {
  try {
    const value: unknown = JSON.parse(readFileSync(file, 'utf8'));
    return isProcessIdentity(value) ? { ...value, code: String((value as Partial<ProxyState>).code) } : undefined;
  } catch {
    return undefined; // No proxy has run here yet, or it is being started this moment.
  }
}

/** Resolves once the signal has aborted. */
export async function superviseProxy(options: ProxySupervisorOptions): Promise<void> {
  const { state, code, log, signal, find } = options;
  const clock = options.clock ?? systemClock;
  let failures = 0;
  try {
    const present = readProxyState(state);
    for (const { pid } of find()) {
      const stray = pid === present?.pid ? undefined : identifyProcess(pid);
      if (stray === undefined) continue;
      log.warn({ pid }, 'ending a proxy that nobody has noted');
      await endProcess(stray, clock, signal);
    }
    if (present && isProcessAlive(present)) {
      if (present.code === code) {
        log.info({ pid: present.pid }, 'adopted the running proxy');
        await untilDead(present, clock, signal);
      } else {
        log.info({ pid: present.pid }, 'replacing the proxy: its code or certificate has changed');
        await endProcess(present, clock, signal);
      }
    }
    while (!signal.aborted) {
      const started = clock.monotonic();
      const ended = await runOnce(options);
      if (signal.aborted) return;
      failures = clock.monotonic() - started > HEALTHY_MS ? 0 : failures + 1;
      log.warn({ ...ended, failures }, 'the proxy ended; starting it again');
      await clock.sleep(failures === 0 ? 0 : backoffDelay(restart, failures - 1), signal);
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

/** Starts the proxy and resolves when it has ended, or when the signal aborts while it lives on. */
function runOnce(options: ProxySupervisorOptions): Promise<object> {
  const { folder, program, code, account, log, signal, input } = options;
  const output = openSync(options.output, 'a', 0o640);
  const child = spawn(program, ['--folder', folder], {
    cwd: folder,
    detached: true,
    stdio: ['pipe', output, output],
    env: plainEnvironment(),
    ...(account === undefined ? {} : { uid: account.uid, gid: account.gid }),
  });
  closeSync(output);
  child.unref();
  const identity = child.pid === undefined ? undefined : identifyProcess(child.pid);
  if (identity) {
    const record: ProxyState = { ...identity, code };
    writeFileAtomic(options.state, `${JSON.stringify(record)}\n`, { mode: 0o644 });
  }
  // One that ends before it has read is started again, and so tells why.
  child.stdin?.on('error', (error) => log.warn({ error: error.message }, 'the proxy did not read its connection'));
  child.stdin?.end(input);
  return new Promise((resolve) => {
    child.once('spawn', () => log.info({ pid: child.pid }, 'started the proxy'));
    child.once('error', (error) => resolve({ error: error.message }));
    child.once('exit', (status, by) => resolve({ status, signal: by }));
    signal.addEventListener('abort', () => resolve({}), { once: true });
  });
}

async function untilDead(process: ProcessIdentity, clock: Clock, signal: AbortSignal): Promise<void> {
  while (mayLive(process)) await clock.sleep(LOOK_MS, signal);
}

/** A process that cannot be looked at just now (as with no file descriptor left) counts as living. */
function mayLive(target: ProcessIdentity): boolean {
  try {
    return isProcessAlive(target);
  } catch {
    return true;
  }
}

/** SIGTERM (or another signal), and SIGKILL for a process that has not ended in time. */
export async function endProcess(
  target: ProcessIdentity,
  clock: Clock,
  signal: AbortSignal,
  { first = 'SIGTERM', termMs = TERM_MS }: { readonly first?: NodeJS.Signals; readonly termMs?: number } = {},
): Promise<void> {
  const deadline = clock.monotonic() + termMs;
  sendSignal(target, first);
  while (mayLive(target)) {
    if (clock.monotonic() > deadline) sendSignal(target, 'SIGKILL');
    await clock.sleep(20, signal);
  }
}

export function sendSignal(target: ProcessIdentity, name: NodeJS.Signals): void {
  if (identifyProcess(target.pid)?.startTime !== target.startTime) return;
  try {
    process.kill(target.pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

import { spawn, spawnSync } from 'node:child_process';
import { closeSync, constants, openSync, readFileSync, writeSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { Socket } from 'node:net';
import { join } from 'node:path';
import { StackError, systemClock, waitFor } from '@polarstack/base';
import { isAlive, processStat, readIfThere } from '@polarstack/engine';
import { DEAD_MAN_SCRIPT } from './script.ts';

/** A hold on the dead-man of an instance; see script.ts for what it does. */
export interface DeadMan {
  readonly pid: number;
  /**
   * The engine is to die at `deadline` (milliseconds of {@link bootTime}). Resolves once the dead-man has said that this is in force;
   * throws `DeadManSilent` where it does not in time: then it may be frozen, and must be replaced before anything rests on it.
   */
  arm(deadline: number, engine: { readonly pid: number; readonly startTicks: number }): Promise<void>;
  /** Nothing dies any more. Throws like {@link arm}. */
  disarm(): Promise<void>;
  /** Ends the dead-man itself, frozen or not: nothing dies any more. */
  end(): Promise<void>;
  /** Lets go of it; it goes on. */
  release(): void;
}

export interface DeadManOptions {
  /** Its own, for its FIFOs; made where it is missing. */
  readonly folder: string;
  readonly env: Readonly<Record<string, string>>;
  /** How long its echo may take, in milliseconds. Default 1 s. */
  readonly echoMs?: number;
  readonly signal: AbortSignal;
}

const ECHO_MS = 1_000;
const END_MS = 10_000;

/** Milliseconds since boot, times of sleep included; in steps of ten. */
export const bootTime = (): number => Math.round(Number(readFileSync('/proc/uptime', 'latin1').split(' ')[0]) * 1_000);

/** The dead-man of the folder: the one that lives, left by an earlier agent with its deadline in force, or a new one. */
export async function openDeadMan({ folder, env, echoMs = ECHO_MS, signal }: DeadManOptions): Promise<DeadMan> {
  const [feed, echo, identity] = ['feed', 'echo', 'pid'].map((name) => join(folder, name)) as [string, string, string];
  const [pid, startTicks] = (await living(identity)) ?? (await start());
  const out = openSync(feed, constants.O_RDWR | constants.O_NONBLOCK);
  const input = new Socket({
    fd: openSync(echo, constants.O_RDWR | constants.O_NONBLOCK),
    readable: true,
    writable: false,
  });
  const heard = new Set<(line: string) => void>();
  let rest = '';
  input.on('error', () => {});
  input.setEncoding('utf8').on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) for (const hear of [...heard]) hear(line.trim());
  });

  async function start(): Promise<readonly [number, number]> {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    for (const path of [feed, echo, identity]) await rm(path, { force: true });
    const { status, stderr } = spawnSync('mkfifo', ['-m', '600', feed, echo], { encoding: 'utf8' });
    if (status !== 0) throw new StackError('DataFolderUnusable', `no FIFO can be made in ${folder}: ${stderr}`);
    // A session of its own, and none of our files: it outlives us.
    const child = spawn('bash', ['-c', DEAD_MAN_SCRIPT, 'polarstack-dead-man', feed, echo], {
      ...{ cwd: folder, env: { ...env }, detached: true },
      stdio: 'ignore',
    });
    await new Promise<void>((resolve, reject) => {
      child.once('spawn', resolve);
      child.once('error', reject);
    });
    child.unref();
    const own = child.pid ?? 0;
    const ticks = processStat(own)?.startTicks ?? 0;
    await writeFile(identity, `${own} ${ticks}`, { mode: 0o600 });
    return [own, ticks];
  }

  const say = async (text: string, expected: string): Promise<void> => {
    const timer = new AbortController();
    let hear = (_line: string): void => {};
    const echoed = new Promise<true>((resolve) => {
      hear = (line) => {
        if (line === expected) resolve(true);
      };
    });
    heard.add(hear);
    try {
      writeSync(out, `${text}\n`);
      const late = systemClock.sleep(echoMs, timer.signal).catch(() => {});
      if ((await Promise.race([echoed, late])) !== true)
        throw new StackError('DeadManSilent', `the dead-man (process ${pid}) did not answer within ${echoMs} ms`);
    } finally {
      timer.abort();
      heard.delete(hear);
    }
  };

  const release = (): void => {
    input.destroy();
    closeSync(out);
  };

  return {
    pid,
    arm: async (deadline, engine) =>
      await say(`arm ${Math.floor(deadline)} ${engine.pid} ${engine.startTicks}`, `arm ${Math.floor(deadline)}`),
    disarm: async () => await say('disarm', 'disarm'),
    end: async () => {
      if (isAlive(pid, startTicks)) process.kill(pid, 'SIGKILL');
      await waitFor('the end of the dead-man', async () => (isAlive(pid, startTicks) ? undefined : true), {
        ...{ signal, timeoutMs: END_MS, intervalMs: 5 },
      });
      await rm(identity, { force: true });
      release();
    },
    release,
  };
}

/** The one whose identity is written down, while it lives. */
async function living(identity: string): Promise<readonly [number, number] | undefined> {
  const [pid = Number.NaN, ticks = Number.NaN] = (await readIfThere(identity))?.split(' ').map(Number) ?? [];
  return pid > 1 && isAlive(pid, ticks) ? [pid, ticks] : undefined;
}

import { spawn } from 'node:child_process';
import { constants as os } from 'node:os';
import type { Readable, Writable } from 'node:stream';
import { type Clock, systemClock } from '@polarstack/base';
import type { RuntimeUser } from '../types.ts';

export interface CommandRequest {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  readonly user?: RuntimeUser;
  readonly stdin?: Readable;
  readonly stdout?: Writable;
  readonly stderr?: Writable;
  readonly clock?: Clock;
}

/** How long output may still arrive after the command itself has ended (from children that it left behind). */
const DRAIN_MS = 1000;

/**
 * Runs a command as a container's user in its environment and answers its exit code: 128+n for signal n, 127 where
 * there is no such program, 126 where it cannot be run. Aborting kills it with its group.
 */
export async function runCommand(request: CommandRequest, signal: AbortSignal): Promise<number> {
  const { argv, user, clock = systemClock } = request;
  const [program = '', ...args] = argv;
  signal.throwIfAborted();
  const child = spawn(program, args, {
    cwd: request.cwd,
    env: { ...request.env },
    detached: true,
    stdio: [request.stdin ? 'pipe' : 'ignore', 'pipe', 'pipe'],
    ...(user ? { uid: user.uid, gid: user.gid } : {}),
  });
  const kill = (): void => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
    }
  };
  signal.addEventListener('abort', kill, { once: true });
  const closed = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const ended = new Promise<number>((resolve) => {
    child.once('exit', (code, name) => resolve(code ?? 128 + (name ? os.signals[name] : 0)));
    child.once('error', (error) => {
      request.stderr?.write(`${program}: ${error.message}\n`);
      resolve('code' in error && error.code === 'ENOENT' ? 127 : 126);
    });
  });
  if (request.stdin && child.stdin) {
    // A command may end, or close its input, before it has read all of it.
    child.stdin.on('error', () => request.stdin?.unpipe());
    request.stdin.pipe(child.stdin);
  }
  if (request.stdout) child.stdout?.pipe(request.stdout, { end: false });
  else child.stdout?.resume();
  if (request.stderr) child.stderr?.pipe(request.stderr, { end: false });
  else child.stderr?.resume();
  try {
    const code = await ended;
    const drained = new AbortController();
    await Promise.race([closed, clock.sleep(DRAIN_MS, drained.signal).catch(() => undefined)]);
    drained.abort();
    child.stdout?.destroy();
    child.stderr?.destroy();
    signal.throwIfAborted();
    return code;
  } finally {
    signal.removeEventListener('abort', kill);
  }
}

import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { StackError } from '@polarstack/base';
import { plainEnvironment } from '../config.ts';
import type { Home } from '../home/home.ts';
import type { InstalledVersion } from '../home/versions.ts';
import { readStartup } from './startup-channel.ts';

/** Where the process's own last words go: what the runtime prints when it cannot go on. */
const controlOutput = (home: Home): string => join(home.logs, 'control.out');

/**
 * Starts the control process in a session of its own and waits until it is ready. Throws what it says went wrong, or
 * `ControlFailed` where it ended without a word.
 */
export async function startControl(
  home: Home,
  version: InstalledVersion,
  options: { readonly onStep: (name: string) => void; readonly signal: AbortSignal },
): Promise<{ readonly url: string; readonly child: ChildProcess }> {
  mkdirSync(home.logs, { recursive: true, mode: 0o755 });
  const output = openSync(controlOutput(home), 'w', 0o640);
  const child = spawn(join(version.bin, 'polarstack-control'), ['--home', home.root, '--report'], {
    cwd: home.root,
    detached: true,
    stdio: ['ignore', output, output, 'pipe'],
    env: plainEnvironment(),
  });
  closeSync(output);
  const failedToStart = new Promise<never>((_, reject) => {
    child.once('error', (cause) => reject(new StackError('ControlFailed', cause.message, { cause })));
  });
  const stopWaiting = (): void => {
    child.kill('SIGTERM');
  };
  options.signal.addEventListener('abort', stopWaiting, { once: true });
  const pipe = child.stdio[3] as Readable;
  try {
    const url = await Promise.race([failedToStart, readStartup(pipe, options.onStep, () => crashed(home))]);
    return { url, child };
  } finally {
    options.signal.removeEventListener('abort', stopWaiting);
    pipe.destroy();
    child.unref();
  }
}

function crashed(home: Home): StackError {
  const words = readFileSync(controlOutput(home), 'utf8').trim().split('\n').slice(-5).join('\n');
  const said = words === '' ? 'it said nothing' : `it said:\n${words}`;
  return new StackError('ControlFailed', `the control process ended before it was ready; ${said}`, {
    remedy: `Read ${join(home.logs, 'control.log')}; \`polarstack doctor\` checks the rest.`,
  });
}

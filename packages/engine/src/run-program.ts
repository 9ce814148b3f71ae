import { spawn } from 'node:child_process';
import { StackError } from '@polarstack/base';

export interface ProgramOptions {
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Working directory; also what a later scan finds a left-over process by. */
  readonly cwd: string;
  readonly signal: AbortSignal;
  /** Called with every line of either output (a carriage return ends one too). */
  readonly onLine?: (line: string) => void;
}

export interface ProgramResult {
  /** Exit code; null where a signal ended it. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  /** The last lines of stderr, at most {@link TAIL_LINES}. */
  readonly lastLines: readonly string[];
}

/** Enough to show a person why a program failed. */
const TAIL_LINES = 12;
const MAX_STDOUT = 4 * 1024 * 1024;

/** Runs a program to its end and keeps what it said. An abort kills it (SIGKILL) and throws the signal's reason. */
export async function runProgram(path: string, options: ProgramOptions): Promise<ProgramResult> {
  options.signal.throwIfAborted();
  const child = spawn(path, options.args, {
    cwd: options.cwd,
    env: { ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const kill = (): void => void child.kill('SIGKILL');
  options.signal.addEventListener('abort', kill, { once: true });
  let stdout = '';
  const lastLines: string[] = [];
  let rest = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    if (stdout.length < MAX_STDOUT) stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    const lines = (rest + text).split(/\r\n|\r|\n/);
    rest = lines.pop() ?? '';
    for (const line of lines) takeLine(line);
  });
  const takeLine = (line: string): void => {
    if (line.trim() === '') return;
    options.onLine?.(line);
    lastLines.push(line);
    if (lastLines.length > TAIL_LINES) lastLines.shift();
  };
  try {
    const [code, signal] = await new Promise<[number | null, NodeJS.Signals | null]>((resolve, reject) => {
      child.once('error', (error) =>
        reject(new StackError('EngineNotInstalled', `cannot run ${path}: ${error.message}`, { cause: error })),
      );
      child.once('close', (c, s) => resolve([c, s]));
    });
    options.signal.throwIfAborted();
    takeLine(rest);
    return { code, signal, stdout, lastLines };
  } finally {
    options.signal.removeEventListener('abort', kill);
  }
}

/** How a program ended, for a message. */
export function describeEnd({ code, signal, lastLines }: ProgramResult): string {
  const how = signal === null ? `exit code ${code}` : `signal ${signal}`;
  return lastLines.length === 0 ? how : `${how}: ${lastLines.join(' | ')}`;
}

/** True where what a program said means that the disk is full. */
export function saysDiskFull(lines: readonly string[]): boolean {
  return lines.some((line) => /No space left on device|Disk quota exceeded/i.test(line));
}

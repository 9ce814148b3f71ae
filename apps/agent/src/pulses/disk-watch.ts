/**
 * Looks whether the disk below the data still takes and gives blocks (ha.md E4).
 *
 * A process whose read or write hangs in the kernel cannot even be killed, and what it belongs to waits with it: so a small process of
 * its own looks, a shell that runs `dd` when told to and says how that went.
 * Invariants:
 *  K1. Nothing here waits for the disk but that process.
 *  K2. There is never more than one: one that hangs is killed, and replaced only once it is gone.
 *  K3. It ends when the agent does (its input ends).
 */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { StackError, systemClock } from '@polarstack/base';

export interface DiskWatch {
  /** One block written and read; throws why not, or that nothing came back in time. */
  look(signal: AbortSignal): Promise<void>;
  /** Ends the process. */
  close(): void;
}

export interface DiskWatchOptions {
  /** On the volume of the data. One block long, made where it is missing. */
  readonly file: string;
  /** Where the process works: found by it when the pod's processes are looked for. */
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  /** After this long the process counts as hung. Default 3 s. */
  readonly limitMs?: number;
}

const LIMIT_MS = 3_000;

/**
 * The block is read and written back past the page cache, and the write ends when the device has it; where a file system has no way
 * past the cache (tmpfs) the read may come from it. A full disk answers, so it is no trouble of this kind.
 */
const SCRIPT = `
set -f
file=$1
way=direct,
block() { LC_ALL=C dd if="$file" of="$file" bs=4096 count=1 conv=notrunc iflag="\${way}fullblock" oflag="\${way}dsync" 2>&1; }
while read -r _; do
  [ -s "$file" ] || dd if=/dev/zero of="$file" bs=4096 count=1 2>/dev/null
  said=$(block)
  code=$?
  case $code:$said in
    0:*) ;;
    *'Invalid argument'*) way=; said=$(block); code=$? ;;
  esac
  case $code:$said in
    0:* | *'No space left'* | *'quota exceeded'*) echo ok ;;
    *) echo failed $said ;;
  esac
done`;

export function createDiskWatch({ file, cwd, env, limitMs = LIMIT_MS }: DiskWatchOptions): DiskWatch {
  let child: ChildProcessWithoutNullStreams | undefined;
  let hangs = false;
  let heard: (line: string) => void = () => {};

  const end = (): void => {
    if (child?.pid === undefined) return;
    try {
      // With the dd that it waits for.
      process.kill(-child.pid, 'SIGKILL');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  };

  const start = (): ChildProcessWithoutNullStreams => {
    const started = spawn('sh', ['-c', SCRIPT, 'polarstack-disk-watch', file], {
      cwd,
      env: { ...env },
      detached: true,
    });
    let rest = '';
    started.stdout.setEncoding('utf8').on('data', (text: string) => {
      rest += text;
      const lines = rest.split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) if (line.trim() !== '') heard(line.trim());
    });
    started.stderr.resume();
    started.stdin.on('error', () => {});
    const gone = (why: string): void => {
      if (child !== started) return;
      child = undefined;
      hangs = false;
      heard(`failed ${why}`);
    };
    started.once('error', (error) => gone(error.message));
    started.once('exit', () => gone('the process that looks has ended'));
    return started;
  };

  return {
    look: async (signal) => {
      if (hangs) throw new StackError('EngineTimeout', 'the process that looks hangs and does not end');
      child ??= start();
      const timer = new AbortController();
      const answer = new Promise<string>((resolve) => {
        heard = resolve;
      });
      const late = systemClock.sleep(limitMs, timer.signal).then(
        () => undefined,
        () => undefined,
      );
      const onAbort = (): void => timer.abort();
      signal.addEventListener('abort', onAbort, { once: true });
      child.stdin.write('\n');
      const line = await Promise.race([answer, late]);
      signal.removeEventListener('abort', onAbort);
      timer.abort();
      heard = () => {};
      signal.throwIfAborted();
      if (line === 'ok') return;
      if (line !== undefined) throw new Error(line.replace(/^failed\s*/, ''));
      hangs = true;
      end();
      throw new StackError('EngineTimeout', `a block was not written and read within ${limitMs} ms`);
    },
    close: () => {
      end();
      if (!hangs) child = undefined;
    },
  };
}

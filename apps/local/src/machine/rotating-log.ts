import { closeSync, existsSync, fstatSync, openSync, renameSync, writeSync } from 'node:fs';

const MAX_BYTES = 8 * 1024 * 1024;
const KEPT = 3;

/**
 * A destination for log lines that never grows without bound: a file that is full becomes `<path>.1`, and the oldest of
 * three is dropped. Written synchronously, so that the last line before a crash is there.
 *
 * Writing never throws: a process must not end because it cannot say what it does (a full disk). Lines that cannot be
 * written are dropped, and the next one that can says first how many.
 */
export function openRotatingLog(path: string, maxBytes = MAX_BYTES): { write(line: string): void } {
  let fd: number | undefined = openSync(path, 'a', 0o640);
  let size = fstatSync(fd).size;
  /** True where a line was written in part: the next one begins anew. */
  let torn = false;
  let dropped = 0;
  let reason = '';

  function reopen(): number {
    fd = openSync(path, 'a', 0o640);
    size = fstatSync(fd).size;
    return fd;
  }
  function rotate(): void {
    if (fd !== undefined) closeSync(fd);
    fd = undefined;
    for (let n = KEPT - 1; n >= 1; n--) {
      if (existsSync(`${path}.${n}`)) renameSync(`${path}.${n}`, `${path}.${n + 1}`);
    }
    renameSync(path, `${path}.1`);
  }
  function append(line: string): void {
    if (fd !== undefined && size > 0 && size + line.length > maxBytes) rotate();
    const target = fd ?? reopen();
    const bytes = Buffer.from(torn ? `\n${line}` : line);
    for (let done = 0; done < bytes.length; ) {
      const written = writeSync(target, bytes, done);
      torn = true;
      done += written;
      size += written;
    }
    torn = false;
  }
  return {
    write(line) {
      try {
        if (dropped > 0) {
          const msg = `${dropped} lines could not be written and are lost: ${reason}`;
          append(`${JSON.stringify({ time: new Date().toISOString(), level: 'warn', msg })}\n`);
          dropped = 0;
        }
        append(line);
      } catch (error) {
        dropped++;
        reason = error instanceof Error ? error.message : String(error);
      }
    },
  };
}

import { closeSync, existsSync, fstatSync, openSync, renameSync, writeSync } from 'node:fs';

const MAX_BYTES = 8 * 1024 * 1024;
const KEPT = 3;

/**
 * A destination for log lines that never grows without bound: a file that is full becomes `<path>.1`, and the oldest of
 * three is dropped. Written synchronously, so that the last line before a crash is there.
 */
export function openRotatingLog(path: string, maxBytes = MAX_BYTES): { write(line: string): void } {
  let fd = openSync(path, 'a', 0o640);
  let size = fstatSync(fd).size;
  function rotate(): void {
    closeSync(fd);
    for (let n = KEPT - 1; n >= 1; n--) {
      if (existsSync(`${path}.${n}`)) renameSync(`${path}.${n}`, `${path}.${n + 1}`);
    }
    renameSync(path, `${path}.1`);
    fd = openSync(path, 'a', 0o640);
    size = 0;
  }
  return {
    write(line) {
      if (size > 0 && size + line.length > maxBytes) rotate();
      size += writeSync(fd, line);
    },
  };
}

/**
 * The file of the audit log.
 *
 * - A1 A line is whole or not there: what a failed write left of one is cut off before the next.
 * - A2 Lines are written in the order in which they came, by one writer; `write` never waits and never throws.
 * - A3 The file and its predecessors never take more than `files` times `maxBytes` (and one batch), and what waits in
 *   memory never more than `maxWaitingBytes`; lines beyond that, and those that the disk refuses, are counted as lost.
 * - A4 Nobody but the owner may read it (0600), whatever the mode was.
 * - A5 After `close` everything that came before is written, or counted as lost.
 */
import { constants } from 'node:fs';
import { type FileHandle, open, rename } from 'node:fs/promises';
import type { Logger } from '@polarstack/base';

export interface AuditFileOptions {
  readonly path: string;
  readonly logger: Logger;
  /** Size at which a file is put aside, in bytes. Default 10 MiB. */
  readonly maxBytes?: number;
  /** Files kept, with the one that is written: `<path>`, `<path>.1` and so on. Default 5. */
  readonly files?: number;
  /** Default 4 MiB. */
  readonly maxWaitingBytes?: number;
}

export interface AuditFile {
  write(line: string): void;
  /** Lines that are not in the file. */
  readonly lost: number;
  readonly written: number;
  close(): Promise<void>;
}

const BATCH_BYTES = 256 * 1024;

export function openAuditFile(options: AuditFileOptions): AuditFile {
  const { path, logger, maxBytes = 10 * 1024 * 1024, files = 5, maxWaitingBytes = 4 * 1024 * 1024 } = options;
  const waiting: Buffer[] = [];
  let waitingBytes = 0;
  let lost = 0;
  let written = 0;
  let file: FileHandle | undefined;
  let size = 0;
  /** True where something of a failed write may lie behind the `size` bytes of whole lines. */
  let isTorn = false;
  let isFailing = false;
  let isClosed = false;
  let running: Promise<void> | undefined;

  const use = async (): Promise<FileHandle> => {
    if (file) return file;
    const flags = constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW;
    const opened = await open(path, flags, 0o600);
    try {
      await opened.chmod(0o600); // A4
      ({ size } = await opened.stat());
      isTorn = false;
      await endHalfLine(opened);
    } catch (error) {
      await opened.close();
      throw error;
    }
    file = opened;
    return opened;
  };

  /** A crash may have left half a line. */
  const endHalfLine = async (opened: FileHandle): Promise<void> => {
    if (size === 0) return;
    const { buffer } = await opened.read(Buffer.alloc(1), 0, 1, size - 1);
    if (buffer[0] === 10) return;
    await opened.write('\n', size);
    size += 1;
  };

  const rotate = async (): Promise<void> => {
    await file?.close();
    file = undefined;
    for (let n = files - 1; n >= 1; n--) await renameIfThere(n === 1 ? path : `${path}.${n - 1}`, `${path}.${n}`);
    size = 0;
  };

  const append = async (batch: Buffer): Promise<void> => {
    let target = await use();
    if (size > 0 && size + batch.length > maxBytes) {
      await rotate();
      target = await use();
    }
    if (isTorn) await target.truncate(size); // A1
    isTorn = true;
    for (let done = 0; done < batch.length; ) {
      done += (await target.write(batch, done, batch.length - done, size + done)).bytesWritten;
    }
    size += batch.length;
    isTorn = false;
  };

  const take = (): readonly Buffer[] => {
    let bytes = 0;
    let count = 0;
    while (count < waiting.length && bytes < Math.min(BATCH_BYTES, maxBytes)) bytes += waiting[count++]?.length ?? 0;
    waitingBytes -= bytes;
    return waiting.splice(0, count);
  };

  const run = async (): Promise<void> => {
    while (waiting.length > 0) {
      const lines = take();
      try {
        await append(Buffer.concat(lines));
        written += lines.length;
        if (isFailing) logger.info({ path, lost }, 'the audit log is written again; lines are missing in it');
        isFailing = false;
      } catch (error) {
        lost += lines.length;
        if (!isFailing)
          logger.error({ err: error, path }, 'the audit log cannot be written; requests go on without it');
        isFailing = true;
      }
    }
    running = undefined;
  };

  return {
    write: (line) => {
      const bytes = Buffer.from(`${line}\n`);
      if (isClosed || waitingBytes + bytes.length > maxWaitingBytes) {
        lost += 1; // A3
        return;
      }
      waiting.push(bytes);
      waitingBytes += bytes.length;
      running ??= run();
    },
    get lost() {
      return lost;
    },
    get written() {
      return written;
    },
    close: async () => {
      isClosed = true;
      await running;
      await file?.close();
      file = undefined;
    },
  };
}

async function renameIfThere(from: string, to: string): Promise<void> {
  try {
    await rename(from, to);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}

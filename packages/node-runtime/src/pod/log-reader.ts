import { constants, watch } from 'node:fs';
import { type FileHandle, open, stat } from 'node:fs/promises';
import { StackError } from '@polarstack/base';
import { rotatedLog } from './log-rotation.ts';

export interface LogReadOptions {
  readonly path: string;
  readonly follow: boolean;
  /** Byte to begin at; `tailLines` may move it on. */
  readonly from?: number;
  readonly tailLines?: number;
  readonly limitBytes?: number;
  /** Changes what is read on its way; `offset` is where a piece lies in the log. */
  readonly through?: (piece: Uint8Array, offset: number) => Uint8Array;
  /** Asked at the end of the file: true when nothing more will be written. */
  readonly isOver: () => boolean;
}

const CHUNK = 64 * 1024;
/** How often a follower looks where the kernel tells nothing. */
const LOOK_MS = 250;

async function openLog(path: string): Promise<FileHandle> {
  try {
    return await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') {
      throw new StackError('NotFound', 'there is no such log', { cause: error });
    }
    throw error;
  }
}

/** The offset at which the last `lines` lines begin. */
export async function tailOffset(file: FileHandle, from: number, lines: number): Promise<number> {
  const { size } = await file.stat();
  if (lines <= 0) return size;
  const chunk = Buffer.alloc(CHUNK);
  let left = lines;
  for (let end = size; end > from; ) {
    const start = Math.max(from, end - CHUNK);
    const { bytesRead } = await file.read(chunk, 0, end - start, start);
    for (let index = bytesRead - 1; index >= 0; index--) {
      // The newline that ends the last line begins no line after it.
      if (chunk[index] !== 10 || start + index === size - 1) continue;
      left -= 1;
      if (left === 0) return start + index + 1;
    }
    end = start;
  }
  return from;
}

/** Resolves when the file may have changed. */
function nextChange(path: string, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const watcher = watch(path, { persistent: false });
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      watcher.close();
      resolve();
    };
    const timer = setTimeout(done, LOOK_MS);
    watcher.once('change', done);
    watcher.once('error', done);
    signal.addEventListener('abort', done, { once: true });
    if (signal.aborted) done();
  });
}

async function* readRange(file: FileHandle, from: number, to: number): AsyncGenerator<Uint8Array> {
  for (let offset = from; offset < to; ) {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(CHUNK), 0, Math.min(CHUNK, to - offset), offset);
    if (bytesRead === 0) return;
    offset += bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
}

/** Changes with each rotation. */
async function rotationOf(path: string): Promise<bigint | undefined> {
  return (await stat(rotatedLog(path), { bigint: true }).catch(() => undefined))?.ctimeNs;
}

async function* readAll(options: LogReadOptions, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  const { through = (piece: Uint8Array) => piece } = options;
  const file = await openLog(options.path);
  try {
    let rotation = await rotationOf(options.path);
    let offset = options.from ?? 0;
    if (options.tailLines !== undefined) offset = await tailOffset(file, offset, options.tailLines);
    for (;;) {
      // Asked before reading: what is written before the end is read after it.
      const over = !options.follow || options.isOver();
      const newest = await rotationOf(options.path);
      if (newest !== rotation) {
        rotation = newest;
        // How old these lines are was forgotten with the rotation: as old as the new beginning at most.
        for await (const chunk of unreadPart(options.path, offset)) yield through(chunk, 0);
        offset = 0;
      }
      const { size } = await file.stat();
      for await (const chunk of readRange(file, offset, size)) {
        if (signal.aborted) return;
        const at = offset;
        offset += chunk.length;
        yield through(chunk, at);
      }
      if (signal.aborted || (over && offset >= size)) return;
      if (offset >= (await file.stat()).size && !options.isOver()) await nextChange(options.path, signal);
    }
  } finally {
    await file.close();
  }
}

/** The log was rotated under a reader: the rest of what it was reading lies in the rotated file. */
async function* unreadPart(path: string, offset: number): AsyncGenerator<Uint8Array> {
  const file = await open(rotatedLog(path), constants.O_RDONLY | constants.O_NOFOLLOW).catch(() => undefined);
  if (!file) return;
  try {
    yield* readRange(file, offset, (await file.stat()).size);
  } finally {
    await file.close();
  }
}

/** The bytes of a log, oldest first; with `follow` until it is over. Throws `NotFound` where there is no log. */
export async function* readLog(options: LogReadOptions, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  let left = options.limitBytes ?? Number.POSITIVE_INFINITY;
  for await (const chunk of readAll(options, signal)) {
    if (chunk.length >= left) {
      yield chunk.subarray(0, left);
      return;
    }
    left -= chunk.length;
    yield chunk;
  }
}

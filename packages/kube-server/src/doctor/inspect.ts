import { join } from 'node:path';
import { type ErrorCode, isStackError, type StackError, silentLogger } from '@polarstack/base';
import { diskError } from '../store/disk-error.ts';
import { isHalfReplaced, isReplaced, storeFile } from '../store/file-names.ts';
import { diskFiles, type Files } from '../store/files.ts';
import { type Formats, knownFormats } from '../store/formats.ts';
import { type LoadedStore, loadStore } from '../store/load.ts';
import { lockUnchanged } from '../store/lock.ts';
import { createView } from '../store/view.ts';
import type { DoctorOptions } from './repair.ts';
import { type ScannedFile, scanFolders } from './scan.ts';

export interface Problem {
  /** `damage` keeps the store from starting; a `notice` does not. */
  readonly severity: 'notice' | 'damage';
  readonly message: string;
  readonly code?: ErrorCode;
  readonly file?: string;
  readonly offset?: number;
  readonly remedy?: string;
}

/** What `polarstack doctor` shows of a store. */
export interface Inspection {
  readonly dir: string;
  /** False where there is no store yet. */
  readonly exists: boolean;
  /** The process that has it open; its last write may be under way, and show as a notice. */
  readonly holder?: { readonly pid?: number };
  readonly formatVersion?: number;
  readonly revision?: number;
  readonly objects?: number;
  readonly bytes: number;
  readonly files: readonly { readonly name: string; readonly bytes: number; readonly records: number }[];
  readonly problems: readonly Problem[];
}

/** Looks at the store in `dir` and changes nothing, whether a process has it open or not. */
export async function inspect(
  dir: string,
  { files = diskFiles, formats = knownFormats, lock = lockUnchanged }: DoctorOptions = {},
): Promise<Inspection> {
  try {
    return await look(dir, files, formats, await holderOf(dir, lock));
  } catch (error) {
    return { dir, exists: true, bytes: 0, files: [], problems: [asProblem(diskError(dir, error))] };
  }
}

async function look(
  dir: string,
  files: Files,
  formats: Formats,
  holder: Pick<Inspection, 'holder'>,
): Promise<Inspection> {
  // A running store may remove a file between the listing and the reading; a second look finds the new ones.
  for (let attempt = 1; ; attempt++) {
    try {
      const names = await files.list(dir);
      const half = names.find(isHalfReplaced);
      if (half !== undefined)
        return { dir, exists: true, bytes: 0, files: [], problems: [interrupted(dir, half)], ...holder };
      const scanned = await scanFolders([dir], files, formats);
      if (scanned.length === 0) return { dir, exists: false, bytes: 0, files: [], problems: [], ...holder };
      const view = createView({ events: 0, bytes: 0 }, silentLogger);
      const loaded = await loadStore({ dir, files, formats, view, logger: silentLogger }).catch((error: unknown) => {
        if (isStackError(error)) return error;
        throw error;
      });
      const state = isStackError(loaded) ? {} : { revision: view.revision, objects: view.size };
      return { ...overview(dir, scanned), ...state, ...holder, problems: problemsOf(dir, scanned, names, loaded) };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || attempt === 5) throw error;
    }
  }
}

async function holderOf(dir: string, lock: NonNullable<DoctorOptions['lock']>): Promise<Pick<Inspection, 'holder'>> {
  try {
    await (await lock(dir)).release();
    return {};
  } catch (error) {
    if (!isStackError(error, 'StateLocked')) throw error;
    const { pid } = error.details;
    return { holder: typeof pid === 'number' ? { pid } : {} };
  }
}

function overview(dir: string, scanned: readonly ScannedFile[]) {
  const versions = scanned.flatMap(({ version }) => version ?? []);
  return {
    dir,
    exists: true,
    ...(versions.length > 0 && { formatVersion: Math.max(...versions) }),
    bytes: scanned.reduce((sum, { bytes }) => sum + bytes.length, 0),
    files: scanned.map(({ name, bytes, frames }) => ({
      name,
      bytes: bytes.length,
      records: frames.reduce((sum, { records }) => sum + records.length, 0),
    })),
  };
}

const asProblem = ({ code, message, remedy, details }: StackError): Problem => ({
  severity: 'damage',
  code,
  message,
  remedy,
  ...(typeof details.file === 'string' && { file: details.file }),
  ...(typeof details.offset === 'number' && { offset: details.offset }),
});

const interrupted = (dir: string, half: string): Problem => ({
  severity: 'damage',
  code: 'StateFolderUnusable',
  message: 'putting a repaired copy in place was interrupted',
  file: join(dir, half),
  remedy: 'Run `polarstack doctor --repair` again; it goes on where it was.',
});

function problemsOf(
  dir: string,
  scanned: readonly ScannedFile[],
  names: readonly string[],
  loaded: LoadedStore | StackError | undefined,
): Problem[] {
  const problems: Problem[] = [];
  const notice = (message: string, file: string, offset?: number) =>
    problems.push({ severity: 'notice', message, file: join(dir, file), ...(offset !== undefined && { offset }) });
  const stops = isStackError(loaded) ? asProblem(loaded) : undefined;
  if (stops) problems.push(stops);
  for (const { name, damages } of scanned) {
    for (const { offset, bytes, reason } of damages) {
      if (stops?.file === join(dir, name) && stops.offset === offset) continue;
      const isTail = !stops && !isStackError(loaded) && loaded?.logName === name && loaded.tail?.offset === offset;
      if (isTail)
        notice(`${bytes} bytes of an unfinished write at the end; the next start sets them aside`, name, offset);
      else
        notice(
          `${bytes} bytes cannot be read (${reason})${stops ? '' : '; the state does not need them'}`,
          name,
          offset,
        );
    }
  }
  for (const name of names) {
    if (storeFile(name)?.type === 'unfinished') notice('a file that was not finished; the next start removes it', name);
    else if (name.startsWith('cut-')) notice('bytes that an earlier start has cut off; may be deleted', name);
    else if (isReplaced(name)) notice('the files that a repaired copy has replaced; may be deleted', name);
  }
  return problems;
}

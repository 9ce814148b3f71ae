/**
 * `home.json`: what says that a folder is a local home, whose it is, and what was decided on its first start.
 *
 * Invariants (tests cite them):
 * - R1 A folder that is neither empty nor a home is refused, and nothing in it is touched.
 * - R2 A home of another user, or of a newer format, is refused.
 * - R3 The block of addresses is chosen once; services and pods keep their addresses for the life of the home.
 */
import { randomUUID } from 'node:crypto';
import { accessSync, constants, existsSync, mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { StackError } from '@polarstack/base';
import { writeFileAtomic } from '../machine/atomic-file.ts';
import type { Home } from './home.ts';

const FORMAT = 1;

export interface HomeRecord {
  readonly format: 1;
  readonly id: string;
  readonly createdAt: string;
  /** The user that made the home; only it may run it. */
  readonly uid: number;
  /** B of the addresses 127.B.x.y; absent until the API server has first listened. */
  readonly block?: number;
  /** The folder of PostgreSQL programs that was named at the last `up` which named one. */
  readonly pgBin?: string;
}

/** Reads `home.json`. Errors: HomeMissing, HomeTooNew, HomeDamaged, HomeNotOurs. */
export function readHomeRecord(home: Home): HomeRecord {
  let text: string;
  try {
    text = readFileSync(home.record, 'utf8');
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') {
      throw new StackError('HomeMissing', `${home.root} is not a local home`, { cause });
    }
    throw new StackError('HomeNotOurs', `${home.record} cannot be read: ${code}`, { cause });
  }
  return checkOwner(home, parse(home, text));
}

function parse(home: Home, text: string): HomeRecord {
  let value: Record<string, unknown>;
  try {
    value = JSON.parse(text) as Record<string, unknown>;
  } catch (cause) {
    throw new StackError('HomeDamaged', `${home.record} is not JSON`, { cause });
  }
  const { format, id, createdAt, uid, block, pgBin } = value;
  if (typeof format === 'number' && format > FORMAT) {
    throw new StackError('HomeTooNew', `${home.root} has format ${format}; this version knows ${FORMAT}`);
  }
  const isBlock = block === undefined || (typeof block === 'number' && block >= 0 && block <= 254);
  if (
    format !== FORMAT ||
    typeof id !== 'string' ||
    typeof createdAt !== 'string' ||
    typeof uid !== 'number' ||
    !isBlock ||
    (pgBin !== undefined && typeof pgBin !== 'string')
  ) {
    throw new StackError('HomeDamaged', `${home.record} lacks a field or holds an impossible one`);
  }
  return {
    format,
    id,
    createdAt,
    uid,
    ...(typeof block === 'number' ? { block } : {}),
    ...(pgBin === undefined ? {} : { pgBin }),
  };
}

function checkOwner(home: Home, record: HomeRecord): HomeRecord {
  const uid = process.getuid?.() ?? 0;
  if (record.uid === uid) return record;
  throw new StackError('HomeNotOurs', `${home.root} belongs to the user with id ${record.uid}, and you are ${uid}`, {
    remedy: 'Run the command as that user, or set POLARSTACK_HOME to a folder of your own.',
  });
}

/** What a command that begins leaves in a folder before it is a home: its lock, and the record that is being written. */
const isOfAHome = /^(command\.lock|home\.json)/;

/**
 * Makes sure that the folder is a home of ours or can become one, making it where it does not exist. Writes nothing
 * into it, so it comes before the command lock is taken.
 */
export function claimFolder(home: Home): void {
  if (existsSync(home.record)) {
    readHomeRecord(home);
  } else {
    makeRoot(home);
    const foreign = listFolder(home).find((name) => !isOfAHome.test(name));
    // Another command may have made it a home meanwhile.
    if (existsSync(home.record)) readHomeRecord(home);
    else if (foreign !== undefined) {
      throw new StackError('HomeNotOurs', `${home.root} is not empty and not a local home (it has ${foreign})`);
    }
  }
  mustWrite(home);
}

/** Opens the home, with the command lock held, and writes `home.json` where there is none yet. */
export function openHome(home: Home, now: Date): { readonly record: HomeRecord; readonly created: boolean } {
  claimFolder(home);
  if (existsSync(home.record)) return { record: readHomeRecord(home), created: false };
  const uid = process.getuid?.() ?? 0;
  const record: HomeRecord = { format: FORMAT, id: randomUUID(), createdAt: now.toISOString(), uid };
  writeHomeRecord(home, record);
  return { record, created: true };
}

export function writeHomeRecord(home: Home, record: HomeRecord): void {
  writeFileAtomic(home.record, `${JSON.stringify(record, undefined, 2)}\n`, { mode: 0o644 });
}

function makeRoot(home: Home): void {
  try {
    makeFolder(home.root);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'EEXIST' || code === 'ENOTDIR') {
      throw new StackError('HomeNotOurs', `${home.root} is not a folder`, { cause });
    }
    throw new StackError('HomeNotWritable', `${home.root} cannot be made: ${code}`, { cause });
  }
}

/**
 * Makes a folder and those above it. Not with `recursive`: that never returns where a file system answers ENOENT to a
 * folder whose parent is there, as /proc does. Others may pass through the folder (the engines' user must) and see the
 * names of its parts; what is secret is closed.
 */
function makeFolder(folder: string): void {
  if (existsSync(folder)) return;
  makeFolder(dirname(folder));
  try {
    mkdirSync(folder, { mode: 0o755 });
  } catch (error) {
    // Somebody else made it a moment ago: another `up` of the same home.
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'EEXIST' || !statSync(folder, { throwIfNoEntry: false })?.isDirectory()) throw error;
  }
}

function listFolder(home: Home): readonly string[] {
  if (!statSync(home.root).isDirectory()) throw new StackError('HomeNotOurs', `${home.root} is not a folder`);
  try {
    return readdirSync(home.root);
  } catch (cause) {
    throw new StackError('HomeNotOurs', `${home.root} cannot be read`, { cause });
  }
}

function mustWrite(home: Home): void {
  try {
    accessSync(home.root, constants.W_OK | constants.X_OK);
  } catch (cause) {
    throw new StackError('HomeNotWritable', `${home.root} cannot be written by this user`, { cause });
  }
}

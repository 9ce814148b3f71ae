/**
 * Which block of addresses belongs to which home of this user, so that a new home leaves alone what a home that is down
 * just now will want again. Claims are files `/tmp/polarstack-blocks-<uid>/<block>` that hold the home's path; a claim
 * counts for as long as that home says the same. They are hints: without them the worst is an error that names the
 * other home. Anybody may write in /tmp, so only regular files in a folder of our own that is closed to others count.
 */
import {
  chmodSync,
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  rmSync,
} from 'node:fs';
import { join } from 'node:path';
import { writeFileAtomic } from '../machine/atomic-file.ts';
import { type Home, homeAt } from './home.ts';

const PARENT = '/tmp';
const PREFIX = 'polarstack-blocks-';
/** A path is no longer than this. */
const MAX_BYTES = 4096;

/** Blocks that homes of this user other than `home` have chosen, whether they run or not. */
export function claimedBlocks(home: Home, parent = PARENT): ReadonlySet<number> {
  const others = claims(parent).filter(({ root, block }) => root !== home.root && stillClaims(root, block));
  return new Set(others.map(({ block }) => block));
}

/** Notes that `block` is this home's. */
export function claimBlock(home: Home, block: number, parent = PARENT): void {
  const uid = process.getuid?.() ?? 0;
  const folder = join(parent, `${PREFIX}${uid}`);
  attempt(() => mkdirSync(folder, { mode: 0o700 }));
  const stat = attempt(() => lstatSync(folder));
  if (!stat?.isDirectory() || stat.uid !== uid) return;
  attempt(() => chmodSync(folder, 0o700)); // the first releases made it open
  attempt(() => writeFileAtomic(join(folder, String(block)), home.root, { mode: 0o600 }));
}

/** Takes back what this home has claimed. */
export function releaseBlocks(home: Home, parent = PARENT): void {
  for (const { root, file } of claims(parent)) if (root === home.root) attempt(() => rmSync(file));
}

interface Claim {
  readonly block: number;
  readonly root: string;
  readonly file: string;
}

function claims(parent: string): readonly Claim[] {
  const uid = process.getuid?.() ?? 0;
  const folder = join(parent, `${PREFIX}${uid}`);
  const stat = attempt(() => lstatSync(folder));
  if (!stat?.isDirectory() || stat.uid !== uid || (stat.mode & 0o077) !== 0) return [];
  return (attempt(() => readdirSync(folder)) ?? [])
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      const file = join(folder, name);
      const root = attempt(() => readRegularFile(file));
      return root === undefined ? [] : [{ block: Number(name), root, file }];
    });
}

function readRegularFile(file: string): string | undefined {
  const fd = openSync(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    if (!fstatSync(fd).isFile()) return undefined;
    const content = Buffer.alloc(MAX_BYTES);
    return content.toString('utf8', 0, readSync(fd, content));
  } finally {
    closeSync(fd);
  }
}

/** A home that we may not look into is taken at its word. */
function stillClaims(root: string, block: number): boolean {
  try {
    const record = JSON.parse(readFileSync(homeAt(root).record, 'utf8')) as { readonly block?: unknown };
    return record.block === block;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EACCES';
  }
}

function attempt<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch {
    return undefined; // A hint that cannot be read or written is none.
  }
}

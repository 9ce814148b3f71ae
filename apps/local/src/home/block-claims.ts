/**
 * Which block of addresses belongs to which home of this machine, so that a new home leaves alone what a home that is
 * down just now will want again. Claims are files `/tmp/polarstack-blocks-<uid>/<block>` that hold the home's path; a
 * claim counts for as long as that home says the same. They are hints: without them the worst is an error that names
 * the other home, so whatever is wrong with them (somebody else's folder, no rights) is passed over.
 */
import { lstatSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Home } from './home.ts';
import { homeAt } from './home.ts';

const PARENT = '/tmp';
const PREFIX = 'polarstack-blocks-';

/** Blocks that homes other than `home` have chosen, whether they run or not. */
export function claimedBlocks(home: Home, parent = PARENT): ReadonlySet<number> {
  const claimed = new Set<number>();
  for (const folder of foldersOf(parent)) {
    for (const name of attempt(() => readdirSync(folder)) ?? []) {
      const root = attempt(() => readFileSync(join(folder, name), 'utf8'));
      if (/^\d+$/.test(name) && root !== undefined && root !== home.root && stillClaims(root, Number(name))) {
        claimed.add(Number(name));
      }
    }
  }
  return claimed;
}

/** Notes that `block` is this home's. */
export function claimBlock(home: Home, block: number, parent = PARENT): void {
  const uid = process.getuid?.() ?? 0;
  const folder = join(parent, `${PREFIX}${uid}`);
  attempt(() => mkdirSync(folder, { mode: 0o755 }));
  const stat = attempt(() => lstatSync(folder));
  // Anybody may write in /tmp: only a real folder of our own is written into.
  if (stat?.isDirectory() && stat.uid === uid) attempt(() => writeFileSync(join(folder, String(block)), home.root));
}

function foldersOf(parent: string): readonly string[] {
  const names = attempt(() => readdirSync(parent)) ?? [];
  return names.filter((name) => name.startsWith(PREFIX)).map((name) => join(parent, name));
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

import { accessSync, constants, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { StackError } from '@polarstack/base';
import type { CliSettings } from '../config.ts';

const DEBIAN = '/usr/lib/postgresql';

/** The program psql: in the folder that was named, then the newest of Debian's versions, then on the PATH. */
export function findPsql({ pgBin, path }: Pick<CliSettings, 'pgBin' | 'path'>, debian = DEBIAN): string {
  const folders = [...(pgBin ?? '').split(':').filter((folder) => folder !== ''), ...versionFolders(debian), ...path];
  const found = folders.map((folder) => join(folder, 'psql')).find(isExecutable);
  if (found === undefined) throw new StackError('PsqlMissing', `psql lies in none of ${folders.join(', ')}`);
  return found;
}

/** Debian puts a wrapper on the PATH that starts slowly and has settings of its own, so the real ones come first. */
function versionFolders(debian: string): readonly string[] {
  let names: readonly string[];
  try {
    names = readdirSync(debian);
  } catch {
    return []; // Not every system has it.
  }
  const newestFirst = names.filter((name) => /^\d+$/.test(name)).sort((a, b) => Number(b) - Number(a));
  return newestFirst.map((name) => join(debian, name, 'bin'));
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/**
 * Finding PostgreSQL: the folders that were named (`a:b`), then `/usr/lib/postgresql/*` + `/bin` (Debian), then PATH. A folder
 * counts only with every program that the agent runs; one without pg_rewind would fail on the first failover instead
 * of now.
 */
import { execFile } from 'node:child_process';
import { accessSync, constants, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { StackError } from '@polarstack/base';
import { closedToOthers } from '../machine/reach.ts';

const OLDEST_MAJOR = 13;
export const programs = [
  'initdb',
  'postgres',
  'pg_ctl',
  'pg_basebackup',
  'pg_rewind',
  'pg_controldata',
  'psql',
  'pg_isready',
] as const;

export interface PostgresInstallation {
  readonly major: number;
  /** As `postgres --version` says it, for example `15.18`. */
  readonly version: string;
  readonly bin: string;
}

/** A folder that was looked at and cannot be used, and why. */
export interface RejectedFolder {
  readonly bin: string;
  readonly reason: string;
}

export interface Discovery {
  /**
   * Newest major first; one for each major, from the source named first. Of the named folders each that is another version
   * counts: so a machine offers several minor versions of one major.
   */
  readonly found: readonly PostgresInstallation[];
  readonly rejected: readonly RejectedFolder[];
}

const run = promisify(execFile);

export async function discoverPostgres(options: {
  readonly named: string | undefined;
  readonly path: readonly string[];
  /** Whether the programs will be run by a user without rights of its own. */
  readonly asOther?: boolean;
  /** Where Debian keeps each major; default `/usr/lib/postgresql`. */
  readonly packaged?: string;
}): Promise<Discovery> {
  const { named, path, asOther = false, packaged = '/usr/lib/postgresql' } = options;
  const wanted = (named ?? '').split(':').filter((folder) => folder !== '');
  const folders = [...wanted, ...majorsBelow(packaged), ...path.filter(hasPostgres)];
  const looks = await Promise.all([...new Set(folders)].map((bin) => look(bin, asOther)));
  const found: PostgresInstallation[] = [];
  for (const one of looks) {
    if (!('major' in one)) continue;
    const isNew = wanted.includes(one.bin)
      ? !found.some(({ version }) => version === one.version)
      : !found.some(({ major }) => major === one.major);
    if (isNew) found.push(one);
  }
  const rejected = looks.filter((one): one is RejectedFolder => 'reason' in one);
  const wrong = rejected.find(({ bin }) => wanted.includes(bin));
  if (wrong) {
    throw new StackError('PostgresMissing', `POLARSTACK_PG_BIN=${wrong.bin} ${wrong.reason}`, {
      remedy: 'Correct or unset POLARSTACK_PG_BIN.',
    });
  }
  return { found: found.sort((a, b) => b.major - a.major), rejected };
}

function majorsBelow(packaged: string): readonly string[] {
  try {
    return readdirSync(packaged)
      .filter((name) => /^\d+$/.test(name))
      .sort((a, b) => Number(b) - Number(a))
      .map((name) => join(packaged, name, 'bin'));
  } catch {
    return []; // Not a Debian machine, or no server there.
  }
}

const isExecutable = (file: string): boolean => {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
};

const hasPostgres = (folder: string): boolean => isExecutable(join(folder, 'postgres'));

async function look(bin: string, asOther: boolean): Promise<PostgresInstallation | RejectedFolder> {
  const missing = programs.filter((program) => !isExecutable(join(bin, program)));
  if (missing.length > 0) return { bin, reason: `lacks ${missing.join(', ')}` };
  const closed = asOther ? closedToOthers(bin) : undefined;
  if (closed !== undefined) return { bin, reason: `lies in ${closed}, which other users cannot enter` };
  try {
    const { stdout } = await run(join(bin, 'postgres'), ['--version'], { timeout: 10_000 });
    return judgeVersion(bin, stdout);
  } catch (error) {
    return { bin, reason: `holds a postgres that does not run: ${(error as Error).message}` };
  }
}

/** Reads `postgres (PostgreSQL) 15.18 (Debian ...)`. */
export function judgeVersion(bin: string, output: string): PostgresInstallation | RejectedFolder {
  const [, version, major] = /\(PostgreSQL\) ((\d+)(?:\.\d+|beta\d+|rc\d+|devel)*)/.exec(output) ?? [];
  if (version === undefined) return { bin, reason: `answers ${JSON.stringify(output.trim())} to --version` };
  if (Number(major) < OLDEST_MAJOR)
    return { bin, reason: `is version ${version}; ${OLDEST_MAJOR} is the oldest usable` };
  return { bin, version, major: Number(major) };
}

import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';
import { StackError } from '@polarstack/base';
import { runProgram } from '../run-program.ts';

/** The server programs of one installation. */
export interface Binaries {
  readonly bin: string;
  /** 13, 14, ... */
  readonly major: number;
  /** As the programs print it: `15.18`. */
  readonly version: string;
  /** The path of a program; throws `EngineNotInstalled` where this installation lacks it. */
  program(name: Program): string;
}

export type Program = 'initdb' | 'postgres' | 'pg_basebackup' | 'pg_rewind' | 'pg_controldata';

export const OLDEST_MAJOR = 13;
export const NEWEST_MAJOR = 18;

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** `postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)` -> 15 and `15.18`. */
export function parseVersion(text: string): { readonly major: number; readonly version: string } {
  const match = /\(PostgreSQL\) (\d+)((?:\.\d+)?(?:devel|beta\d+|rc\d+)?)/.exec(text);
  if (match?.[1] === undefined)
    throw new StackError('EngineNotInstalled', `no PostgreSQL: postgres --version said ${JSON.stringify(text.trim())}`);
  return { major: Number(match[1]), version: `${match[1]}${match[2] ?? ''}` };
}

/** Looks at the installation in `bin`: `initdb` and `postgres` must be there, of a supported major. */
export async function findBinaries(
  bin: string,
  env: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<Binaries> {
  const program = (name: Program): string => {
    const path = join(bin, name);
    if (!isExecutable(path)) throw new StackError('EngineNotInstalled', `${path} is not there or cannot be run`);
    return path;
  };
  program('initdb');
  const { stdout } = await runProgram(program('postgres'), { args: ['--version'], env, cwd: '/', signal });
  const { major, version } = parseVersion(stdout);
  if (major < OLDEST_MAJOR || major > NEWEST_MAJOR) {
    throw new StackError(
      'EngineNotInstalled',
      `PostgreSQL ${version} in ${bin} is not supported: ${OLDEST_MAJOR} to ${NEWEST_MAJOR} are`,
    );
  }
  return { bin, major, version, program };
}

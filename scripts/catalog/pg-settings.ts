import { execFileSync, spawnSync } from 'node:child_process';
import { chownSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
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

/** Extensions of PostgreSQL whose parameters belong to the catalog. Up to 14, single-user mode preloads nothing. */
const libraries = 'pg_stat_statements,auto_explain';

/** PostgreSQL refuses root: its programs run as this user. */
function unprivileged(): { readonly uid: number; readonly gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const id = (flag: string) => Number(execFileSync('id', [flag, 'nobody'], { encoding: 'utf8' }));
  return { uid: id('-u'), gid: id('-g') };
}

/**
 * Folder with the server programs of a major: installed on this machine, else the package of the test majors. One that
 * the user who must run them cannot reach (a checkout in a private folder) does not count.
 */
export function findServer(major: number): string | undefined {
  const packaged = fileURLToPath(new URL(`../../tests/majors/node_modules/pg-${major}/native/bin`, import.meta.url));
  return [`/usr/lib/postgresql/${major}/bin`, packaged].find((folder) => {
    const test = spawnSync('test', ['-x', join(folder, 'postgres')], { ...unprivileged(), cwd: '/' });
    return test.status === 0;
  });
}

/** A server of one's own in single-user mode: no socket, no address, gone with its folder. */
export interface SingleUserServer {
  /** A folder that the server can read and write. */
  readonly folder: string;
  /** Runs statements, one a line; `config` is appended to postgresql.conf for this run. Throws where it cannot start. */
  run(statements: readonly string[], config?: Readonly<Record<string, string>>): void;
  /** Removes everything. */
  close(): void;
}

/** Makes a data directory for the server programs in `bin`. */
export function openServer(bin: string): SingleUserServer {
  const user = unprivileged();
  const folder = mkdtempSync(join(tmpdir(), 'pg-settings-'));
  const close = () => rmSync(folder, { recursive: true, force: true });
  const options = { ...user, cwd: folder, env: { PATH: '/usr/bin:/bin' }, encoding: 'utf8', stdio: 'pipe' } as const;
  const data = join(folder, 'data');
  const config = join(data, 'postgresql.conf');
  try {
    if (user) chownSync(folder, user.uid, user.gid);
    const how = ['-U', 'postgres', '-A', 'trust', '-N', '-E', 'UTF8', '--locale=C'];
    execFileSync(join(bin, 'initdb'), ['-D', data, ...how], options);
    const own = readFileSync(config, 'utf8');
    return {
      folder,
      close,
      run: (statements, more = {}) => {
        const lines = Object.entries(more).map(([name, value]) => `${name} = '${value.replaceAll("'", "''")}'`);
        writeFileSync(config, `${own}\n${lines.join('\n')}\n`);
        const input = `${statements.join('\n')}\n`;
        execFileSync(join(bin, 'postgres'), ['--single', '-D', data, 'postgres'], { ...options, input });
      },
    };
  } catch (error) {
    close();
    throw error;
  }
}

/** Asks a server for all its parameters. */
export function readSettings(server: SingleUserServer): readonly PgSetting[] {
  const columns = 'name, unit, category, context, vartype, min_val, max_val, enumvals, boot_val';
  const answer = join(server.folder, 'settings');
  const select = `SELECT ${columns} FROM pg_settings ORDER BY name COLLATE "C"`;
  server.run(
    [
      "LOAD 'auto_explain';",
      `COPY (SELECT encode(convert_to(row_to_json(s)::text, 'UTF8'), 'hex') FROM (${select}) s) TO '${answer}';`,
    ],
    {
      shared_preload_libraries: libraries,
    },
  );
  return readFileSync(answer, 'utf8')
    .trim()
    .split('\n')
    .map((line): PgSetting => JSON.parse(Buffer.from(line, 'hex').toString()));
}

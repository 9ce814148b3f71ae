import { execFileSync } from 'node:child_process';
import { chownSync, copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { type Binaries, findBinaries, parseVersion } from './binaries.ts';
import { checkParameters } from './check-parameters.ts';

const bin = ['18', '17', '16', '15', '14', '13']
  .map((major) => `/usr/lib/postgresql/${major}/bin`)
  .find((path) => existsSync(join(path, 'postgres')));
const signal = new AbortController().signal;
const folder = mkdtempSync(join(tmpdir(), 'ps-check-'));
const dataDir = join(folder, 'data');
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('versions are read as the programs print them', () => {
  expect(parseVersion('postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)')).toEqual({ major: 15, version: '15.18' });
  expect(parseVersion('postgres (PostgreSQL) 18beta2')).toEqual({ major: 18, version: '18beta2' });
  expect(() => parseVersion('mysqld 8')).toThrow(/no PostgreSQL/);
});

test('a folder without the programs is named', async () => {
  await expect(findBinaries('/nowhere', {}, signal)).rejects.toMatchObject({ code: 'EngineNotInstalled' });
});

describe.skipIf(bin === undefined)(`against the server in ${bin ?? '(none is installed: skipped)'}`, () => {
  const check = async (parameters: Readonly<Record<string, string>>) => {
    const binaries: Binaries = await findBinaries(bin ?? '', { PATH: '/usr/bin:/bin' }, signal);
    return await checkParameters(binaries, { folder, dataDir, env: { PATH: '/usr/bin:/bin' } }, parameters, signal);
  };

  test('a library that cannot be loaded is reported before anything is restarted with it', async () => {
    // As the engine leaves it; initdb refuses root, and the check is of what is in the folder.
    const nobody = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : undefined;
    const made = mkdtempSync(join(tmpdir(), 'ps-data-'));
    if (nobody) chownSync(made, nobody.uid, nobody.gid);
    try {
      const options = ['-D', join(made, 'pgdata'), '-A', 'trust', '-N'];
      execFileSync(join(bin ?? '', 'initdb'), options, { ...nobody, cwd: '/' });
      mkdirSync(join(dataDir, 'global'), { recursive: true });
      for (const file of ['PG_VERSION', 'global/pg_control'])
        copyFileSync(join(made, 'pgdata', file), join(dataDir, file));
    } finally {
      rmSync(made, { recursive: true, force: true });
    }
    expect(await check({ shared_preload_libraries: 'nosuch' })).toEqual([
      { name: 'shared_preload_libraries', reason: expect.stringContaining('could not access file "nosuch"') },
    ]);
    expect(await check({ shared_preload_libraries: '', 'pg_stat_statements.max': '200' })).toEqual([]);
    expect(
      await check({ Shared_Preload_Libraries: 'pg_stat_statements, auto_explain', 'pg_stat_statements.max': '200' }),
    ).toEqual([]);
    expect(readdirSync(folder).filter((name) => name.startsWith('load-'))).toEqual([]);
  });

  test('good values pass, whatever is in them', async () => {
    expect(
      await check({
        shared_buffers: '128MB',
        log_line_prefix: "%m '\\ \n x",
        search_path: '"$user", public',
        'my.own': "'",
        work_mem: '4096',
      }),
    ).toEqual([]);
  });

  test('every bad value is reported with what the engine says', async () => {
    const problems = await check({
      work_mem: '7XB',
      max_connections: '1000000000',
      log_min_messages: 'loud',
      no_such_thing: '1',
      'not a name': '1',
      autovacuum: 'perhaps',
      ssl: 'the stack sets it anyway',
      superuser_reserved_connections: '0',
    });
    const reasons = Object.fromEntries(problems.map(({ name, reason }) => [name, reason]));
    expect(Object.keys(reasons).sort()).toEqual([
      'autovacuum',
      'log_min_messages',
      'max_connections',
      'no_such_thing',
      'not a name',
      'superuser_reserved_connections',
      'work_mem',
    ]);
    expect(reasons.work_mem).toMatch(/Valid units/);
    expect(reasons.log_min_messages).toMatch(/debug5/);
    expect(reasons.max_connections).toMatch(/outside the valid range/);
    expect(reasons.no_such_thing).toMatch(/does not know/);
  });

  test('a name in other letters is the same parameter', async () => {
    expect(await check({ Work_Mem: '7XB' })).toMatchObject([{ name: 'Work_Mem' }]);
    expect(await check({ Work_Mem: '7MB', work_mem: '8MB' })).toMatchObject([
      { name: 'work_mem', reason: 'is given twice' },
    ]);
  });
});

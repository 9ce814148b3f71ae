import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { machineImages, machineObjects } from '../control/catalog.ts';
import { discoverPostgres, judgeVersion, programs } from './discovery.ts';
import { installOnDebian, isDebian, postgresMissing, refuseMainCluster } from './install.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'pg-'));
  chmodSync(folder, 0o755);
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function install(bin: string, version: string, without: readonly string[] = []): string {
  mkdirSync(bin, { recursive: true });
  for (const program of programs.filter((name) => !without.includes(name))) {
    writeFileSync(join(bin, program), `#!/bin/sh\necho 'postgres (PostgreSQL) ${version}'\n`, { mode: 0o755 });
  }
  return bin;
}

describe('discovery', () => {
  test('the named folder comes before the packaged one of the same major; the newest major is first', async () => {
    const packaged = join(folder, 'packaged');
    const named = install(join(folder, 'mine'), '15.99');
    install(join(packaged, '15', 'bin'), '15.1');
    install(join(packaged, '9', 'bin'), '9.6');
    const newest = install(join(packaged, '17', 'bin'), '17.2');
    const onPath = install(join(folder, 'path'), '14.3 (Debian 14.3-1)');
    const { found, rejected } = await discoverPostgres({ named, packaged, path: ['/nowhere', onPath, newest] });
    expect(found).toEqual([
      { major: 17, version: '17.2', bin: newest },
      { major: 15, version: '15.99', bin: named },
      { major: 14, version: '14.3', bin: onPath },
    ]);
    expect(rejected).toEqual([{ bin: join(packaged, '9', 'bin'), reason: 'is version 9.6; 13 is the oldest usable' }]);
  });

  test('of several named folders each other version counts, also of one major; the first stands for it', async () => {
    const packaged = join(folder, 'packaged');
    const [one, two, same] = ['one', 'two', 'same'].map((name) => join(folder, name)) as [string, string, string];
    install(one, '15.18');
    install(two, '15.19');
    install(same, '15.18');
    install(join(packaged, '15', 'bin'), '15.20');
    const { found } = await discoverPostgres({ named: `${one}:${two}:${same}`, packaged, path: [] });
    expect(found.map(({ version }) => version)).toEqual(['15.18', '15.19']);
    expect(machineImages(found).map(({ name }) => name)).toEqual([
      'polarstack/postgres:15',
      'polarstack/postgres:15.18',
      'polarstack/postgres:15.19',
      'host',
    ]);
    expect(machineObjects(found).slice(1)).toMatchObject([
      {
        metadata: { name: 'postgresql-15-minor-version-info-local' },
        data: { name: 'postgresql-15', version: '15.18', pgEngineImage: 'polarstack/postgres:15' },
      },
      {
        metadata: { name: 'postgresql-15-minor-version-info-local-15-19' },
        data: { name: 'postgresql-15.19', version: '15.19', pgEngineImage: 'polarstack/postgres:15.19' },
      },
    ]);
  });

  test('a folder without all programs is not used, and says which are missing', async () => {
    const onPath = install(join(folder, 'path'), '15.1', ['pg_rewind', 'initdb']);
    const { found, rejected } = await discoverPostgres({
      named: undefined,
      packaged: join(folder, 'none'),
      path: [onPath],
    });
    expect(found).toEqual([]);
    expect(rejected).toEqual([{ bin: onPath, reason: 'lacks initdb, pg_rewind' }]);
  });

  test('a named folder that cannot be used is an error, not a reason to take another', async () => {
    const named = join(folder, 'typo');
    const search = discoverPostgres({
      named,
      packaged: join(folder, 'none'),
      path: [install(join(folder, 'p'), '15.1')],
    });
    await expect(search).rejects.toMatchObject({ code: 'PostgresMissing' });
  });

  test('programs that the engines user cannot reach are not used', async () => {
    const onPath = install(join(folder, 'closed', 'bin'), '15.1');
    chmodSync(join(folder, 'closed'), 0o700);
    const search = { named: undefined, packaged: join(folder, 'none'), path: [onPath] };
    expect((await discoverPostgres(search)).found).toHaveLength(1);
    const { rejected } = await discoverPostgres({ ...search, asOther: true });
    expect(rejected[0]?.reason).toContain('other users cannot enter');
  });

  test.each([
    ['postgres (PostgreSQL) 18beta1', { major: 18, version: '18beta1' }],
    ['postgres (PostgreSQL) 13.4', { major: 13, version: '13.4' }],
  ])('reads %s', (output, expected) => {
    expect(judgeVersion('/bin', output)).toMatchObject(expected);
  });

  test.each(['postgres (PostgreSQL) 12.9', 'mysqld 8', ''])('refuses %j', (output) => {
    expect(judgeVersion('/bin', output)).toHaveProperty('reason');
  });
});

describe('installing', () => {
  test('knows Debian and its descendants', () => {
    expect(isDebian('PRETTY_NAME="Debian"\nID=debian\n')).toBe(true);
    expect(isDebian('ID=linuxmint\nID_LIKE="ubuntu debian"\n')).toBe(true);
    expect(isDebian('ID=fedora\n')).toBe(false);
  });

  test('names the command for each family', () => {
    expect(postgresMissing('none').remedy).toContain('apt-get install -y postgresql');
    expect(postgresMissing('none').remedy).toContain('dnf install -y postgresql-server');
  });

  test('fetches the package lists only where the package is not known, and says what it does', async () => {
    const bin = join(folder, 'bin');
    mkdirSync(bin);
    // An apt-get that knows the package once it has fetched the lists.
    const script = `#!/bin/sh
echo "$@ $DEBIAN_FRONTEND" >>"${folder}/calls"
case "$*" in
  *update*) touch "${folder}/lists" ;;
  *) [ -e "${folder}/lists" ] || { echo "E: Unable to locate package postgresql" >&2; exit 100; } ;;
esac
`;
    writeFileSync(join(bin, 'apt-get'), script, { mode: 0o755 });
    const said: string[] = [];
    const options = { say: (line: string) => said.push(line), signal: new AbortController().signal };
    const env = { PATH: `${bin}:/usr/bin:/bin` };
    await installOnDebian({ ...options, etc: folder, env });
    expect(readFileSync(join(folder, 'calls'), 'utf8').trim().split('\n')).toEqual([
      '-q install -y --no-install-recommends postgresql noninteractive',
      '-q update noninteractive',
      '-q install -y --no-install-recommends postgresql noninteractive',
    ]);
    expect(said[1]).toContain('Unable to locate package postgresql');
    expect(readFileSync(join(folder, 'postgresql-common', 'createcluster.conf'), 'utf8')).toContain('= false');
    writeFileSync(join(bin, 'apt-get'), '#!/bin/sh\necho "E: no network" >&2\nexit 100\n', { mode: 0o755 });
    const failing = installOnDebian({ ...options, etc: folder, env });
    await expect(failing).rejects.toMatchObject({
      code: 'PostgresInstallFailed',
      message: expect.stringContaining('E: no network'),
    });
  });

  test('keeps what the administrator has set, save the main cluster', () => {
    const file = join(folder, 'postgresql-common', 'createcluster.conf');
    refuseMainCluster(folder);
    expect(readFileSync(file, 'utf8')).toBe('create_main_cluster = false\n');
    writeFileSync(file, 'create_main_cluster = true\nssl = off');
    refuseMainCluster(folder);
    expect(readFileSync(file, 'utf8')).toBe('ssl = off\ncreate_main_cluster = false\n');
    refuseMainCluster(folder);
    expect(readFileSync(file, 'utf8')).toBe('ssl = off\ncreate_main_cluster = false\n');
  });
});

import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isStackError } from '@polarstack/base';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readCliSettings } from '../config.ts';
import { findPsql } from './find-psql.ts';
import { type Login, writeLogin } from './login.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'polarstack-cli-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

function program(...path: string[]): string {
  mkdirSync(join(folder, ...path), { recursive: true });
  const file = join(folder, ...path, 'psql');
  writeFileSync(file, '');
  chmodSync(file, 0o755);
  return file;
}

describe('findPsql', () => {
  test('the folder that was named, then the newest version, then the PATH', () => {
    const onPath = program('path');
    const settings = { pgBin: undefined, path: [join(folder, 'path')] };
    const debian = join(folder, 'postgresql');
    expect(findPsql(settings, debian)).toBe(onPath);
    program('postgresql', '9', 'bin');
    const newest = program('postgresql', '15', 'bin');
    expect(findPsql(settings, debian)).toBe(newest);
    const named = program('named');
    expect(findPsql({ ...settings, pgBin: join(folder, 'named') }, debian)).toBe(named);
  });

  test('nowhere: where it was looked for', () => {
    let error: unknown;
    try {
      findPsql({ pgBin: undefined, path: [folder] }, join(folder, 'absent'));
    } catch (thrown) {
      error = thrown;
    }
    expect(isStackError(error, 'PsqlMissing') && error.message.includes(folder)).toBe(true);
  });
});

describe('writeLogin', () => {
  const login: Login = {
    host: '127.0.20.2',
    port: 5432,
    service: 'demo-rw',
    database: 'app',
    user: 'a:b',
    password: 'p\\:w',
    caPem: 'PEM',
  };

  test('files are for this user alone, and gone afterwards; the password is in one of them only', () => {
    const files = writeLogin(login, folder);
    const [own = ''] = readdirSync(folder);
    expect(statSync(join(folder, own)).mode & 0o777).toBe(0o700);
    for (const name of readdirSync(join(folder, own)))
      expect(statSync(join(folder, own, name)).mode & 0o777).toBe(0o600);
    expect(readFileSync(join(folder, own, 'pgpass'), 'utf8')).toBe('*:*:app:a\\:b:p\\\\\\:w\n');
    const service = readFileSync(files.environment.PGSERVICEFILE ?? '', 'utf8');
    expect(service).toContain('sslmode=verify-full\n');
    expect(service).toContain('host=demo-rw\nhostaddr=127.0.20.2\n');
    expect(service + JSON.stringify(files.environment)).not.toContain('p\\');
    files.remove();
    expect(readdirSync(folder)).toEqual([]);
  });

  test('a name is verified as it is; an address too where no service is known', () => {
    const service = (change: Partial<Login>): string =>
      readFileSync(writeLogin({ ...login, ...change }, folder).environment.PGSERVICEFILE ?? '', 'utf8');
    expect(service({ host: 'db.example.org' })).toMatch(/^host=db\.example\.org$/m);
    expect(service({ host: 'db.example.org' })).not.toContain('hostaddr');
    expect(service({ service: undefined })).toMatch(/^host=127\.0\.20\.2$/m);
  });
});

test('psql inherits nothing that says otherwise where to connect or as whom', () => {
  const { forPsql, noColor } = readCliSettings({
    PATH: '/bin',
    PGHOST: 'x',
    PGPASSWORD: 'x',
    PGSSLMODE: 'disable',
    PGOPTIONS: 'x',
    PGAPPNAME: 'kept',
    PAGER: 'less',
  });
  expect(forPsql).toEqual({ PATH: '/bin', PGAPPNAME: 'kept', PAGER: 'less' });
  expect(noColor).toBe(false);
  expect(readCliSettings({ NO_COLOR: '1' }).noColor).toBe(true);
});

/**
 * The way of a user without rights: a copied `dist` in a folder of its own, and everything else as for root. The test
 * makes that user, so it needs root.
 */
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { missing, polarstackProgram, processesBelow, type RunResult, run } from '@polarstack/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const skip = missing('root') || missing('postgres');
const user = `ps-test-${process.pid}`;

describe.skipIf(skip)('a plain user', () => {
  let folder: string;
  let uid: number;
  let gid: number;

  beforeAll(() => {
    const made = spawnSync('useradd', ['--system', '--no-create-home', '--shell', '/usr/sbin/nologin', user], {
      encoding: 'utf8',
    });
    if (made.status !== 0) throw new Error(`useradd: ${made.stderr}`);
    uid = Number(spawnSync('id', ['-u', user], { encoding: 'utf8' }).stdout);
    gid = Number(spawnSync('id', ['-g', user], { encoding: 'utf8' }).stdout);
    folder = mkdtempSync(join(tmpdir(), 'plain-'));
    chmodSync(folder, 0o711);
    mkdirSync(join(folder, 'app'));
    mkdirSync(join(folder, 'own'), { mode: 0o700 });
    chownSync(join(folder, 'own'), uid, gid);
    cpSync(polarstackProgram, join(folder, 'app', 'polarstack'));
    cpSync(join(dirname(polarstackProgram), 'dist'), join(folder, 'app', 'dist'), { recursive: true });
  });

  afterAll(() => {
    for (const { pid } of processesBelow(folder)) process.kill(pid, 'SIGKILL');
    rmSync(folder, { recursive: true, force: true });
    spawnSync('userdel', [user]);
  });

  /** Runs a command of ours as the user, in its own environment. */
  const polarstack = (args: readonly string[], env: Record<string, string> = {}): Promise<RunResult> =>
    run(
      'setpriv',
      [`--reuid=${uid}`, `--regid=${gid}`, '--clear-groups', '--', join(folder, 'app', 'polarstack'), ...args],
      { cwd: '/', env: { HOME: join(folder, 'own'), POLARSTACK_HOME: join(folder, 'own', 'home'), ...env } },
    );

  test('gets a ready cluster in a folder that nobody else can enter, and takes it down', async () => {
    const up = await polarstack(['up', '--timeout', '90']);
    expect(up.stderr).toBe('');
    expect(up.code).toBe(0);
    expect(up.stdout).toContain('Ready in');
    const shown = await polarstack(['psql', 'demo', '-c', 'create table t (n int); insert into t values (7)']);
    expect(shown.code).toBe(0);
    for (const { pid } of processesBelow(folder)) expect(statSync(`/proc/${pid}`).uid).toBe(uid);
    const again = await polarstack(['up']);
    expect(again.stdout).toContain('Nothing changed');
    const down = await polarstack(['down']);
    expect(down.code).toBe(0);
    expect(processesBelow(folder)).toEqual([]);
  });

  test('its data is read again by the next up, and removed with --delete', async () => {
    expect((await polarstack(['up', '--timeout', '90'])).code).toBe(0);
    const shown = await polarstack(['psql', 'demo', '--ro', '-c', 'select n from t']);
    expect(shown.stdout).toContain('7');
    expect((await polarstack(['down', '--delete', '--yes'])).code).toBe(0);
    expect(existsSync(join(folder, 'own', 'home'))).toBe(false);
    expect(processesBelow(folder)).toEqual([]);
  });

  test('a folder of root is refused: it cannot be written, or is not ours', async () => {
    const home = join(folder, 'app', 'home');
    const closed = await polarstack(['up', '--no-demo'], { POLARSTACK_HOME: home });
    expect(closed.code).toBe(4);
    expect(closed.stderr).toContain('HomeNotWritable');
    mkdirSync(home);
    writeFileSync(join(home, 'home.json'), JSON.stringify({ format: 1, id: 'x', createdAt: 'now', uid: 0 }));
    const foreign = await polarstack(['up', '--no-demo'], { POLARSTACK_HOME: home });
    expect(foreign.code).toBe(4);
    expect(foreign.stderr).toContain('HomeNotOurs');
    expect(readFileSync(join(home, 'home.json'), 'utf8')).toContain('"uid":0');
  });

  test('without PostgreSQL it prints the commands that bring it, and changes nothing', async () => {
    // In a mount namespace of its own, with an empty folder where Debian keeps the servers.
    const hidden = 'mount -t tmpfs none /usr/lib/postgresql && exec "$@"';
    const { code, stderr } = await run(
      'unshare',
      [
        '--mount',
        'sh',
        '-c',
        hidden,
        'sh',
        'setpriv',
        `--reuid=${uid}`,
        `--regid=${gid}`,
        '--clear-groups',
        '--',
        join(folder, 'app', 'polarstack'),
        'up',
      ],
      {
        cwd: '/',
        env: { HOME: join(folder, 'own'), POLARSTACK_HOME: join(folder, 'own', 'none'), PATH: '/usr/bin:/bin' },
      },
    );
    expect(code).toBe(3);
    expect(stderr).toContain('PostgresMissing');
    expect(stderr).toContain('apt-get install -y postgresql');
    expect(stderr).toContain('dnf install -y postgresql-server');
    expect(processesBelow(folder)).toEqual([]);
  });
});

/** What root does for a home that others can write into, and what those others can do: as root alone. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { waitFor } from '@polarstack/base';
import { createTestHome, missing, type TestHome } from '@polarstack/testkit';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

const skip = missing('root') || missing('postgres');
const NOBODY = 65_534;

const uidOf = (user: string): number => Number(spawnSync('id', ['-u', user], { encoding: 'utf8' }).stdout);
const read = <T>(...path: string[]): T => JSON.parse(readFileSync(join(...path), 'utf8')) as T;
const proxyPid = (home: TestHome): number => read<{ pid: number }>(home.dir, 'proxy.json').pid;
const controlPid = (home: TestHome): number => read<{ pid: number }>(home.dir, 'control.json').pid;

describe.skipIf(skip)('a home of root', () => {
  let home: TestHome;
  let children: ChildProcess[];
  let pods: number;

  beforeEach(async () => {
    home = createTestHome();
    children = [];
    await home.polarstackOk(['up', '--no-demo']);
    pods = uidOf('polarstack');
  });
  afterEach(async () => {
    for (const child of children) child.kill('SIGKILL');
    await home.remove();
  });

  async function bystander(program: string, args: readonly string[], uid: number, cwd = '/'): Promise<ChildProcess> {
    const child = spawn(program, args, { cwd, uid, gid: uid, stdio: 'ignore', detached: true });
    children.push(child);
    await once(child, 'spawn');
    return child;
  }
  const sleeper = (uid: number, cwd?: string): Promise<ChildProcess> => bystander('sleep', ['1000'], uid, cwd);
  const lives = (child: ChildProcess): boolean => child.exitCode === null && child.signalCode === null;
  const asPods = (...command: string[]): number | null =>
    spawnSync('setpriv', [`--reuid=${pods}`, `--regid=${pods}`, '--clear-groups', '--', ...command]).status;

  /** The proxy's folder as the first releases left it: the pods' user may write in it what it likes. */
  function openProxyFolder(): string {
    const folder = join(home.dir, 'proxy');
    rmSync(folder, { recursive: true });
    mkdirSync(folder, { mode: 0o755 });
    chownSync(folder, pods, pods);
    return folder;
  }

  test('databases can neither read what opens the API to the cluster manager, nor signal it', async () => {
    const find = (): number | undefined => {
      const found = home.processes().find(({ command }) => /^\S*node .*\/cluster-manager\.mjs$/.test(command.trim()));
      return found?.pid;
    };
    const { signal } = new AbortController();
    const manager = await waitFor('the cluster manager', async () => find(), { signal, timeoutMs: 60_000 });
    expect(statSync(`/proc/${manager}`).uid).toBe(uidOf('polarstack-manager'));
    const hidden = ['grep', '-rlsI', 'client-key-data', join(home.dir, 'nodes')];
    expect(spawnSync(hidden[0] ?? '', hidden.slice(1), { encoding: 'utf8' }).stdout).toContain('/kubeconfig');
    for (const command of [hidden, ['kill', '-0', String(manager)], ['cat', `/proc/${manager}/environ`]]) {
      expect(asPods(...command), command.join(' ')).not.toBe(0);
    }
  });

  test('pods can read nothing that opens the API, nor signal the proxy', () => {
    const owned = spawnSync('find', [home.dir, '-user', 'polarstack', '-type', 'f'], { encoding: 'utf8' }).stdout;
    for (const file of owned.split('\n').filter(Boolean)) {
      expect(readFileSync(file, 'utf8'), file).not.toContain('PRIVATE KEY');
    }
    const readable = spawnSync(
      'setpriv',
      [`--reuid=${pods}`, `--regid=${pods}`, '--clear-groups', '--', 'grep', '-rlsI', 'PRIVATE KEY', home.dir].concat(
        '--exclude-dir=versions',
      ),
      { encoding: 'utf8' },
    ).stdout;
    expect(readable).toBe('');
    const proxy = proxyPid(home);
    expect(statSync(`/proc/${proxy}`).uid).toBe(uidOf('polarstack-proxy'));
    expect(lstatSync(join(home.dir, 'proxy'))).toMatchObject({ uid: uidOf('polarstack-proxy') });
    expect(lstatSync(join(home.dir, 'proxy')).mode & 0o077).toBe(0);
    for (const command of [
      ['ls', join(home.dir, 'proxy')],
      ['kill', '-0', String(proxy)],
      ['cat', `/proc/${proxy}/environ`],
    ]) {
      expect(asPods(...command), command.join(' ')).not.toBe(0);
    }
  });

  test('what the pods put into the folder of the proxy moves root to nothing', async () => {
    await home.polarstackOk(['down']);
    const folder = openProxyFolder();
    const target = join(dirname(home.dir), 'target');
    writeFileSync(target, 'precious');
    chmodSync(target, 0o600);
    for (const name of ['proxy.out', 'proxy.log', 'connection.json', 'routes.json']) {
      symlinkSync(target, join(folder, name));
    }
    const victim = await sleeper(0);
    const startTime = readFileSync(`/proc/${victim.pid}/stat`, 'latin1').split(' ')[21];
    const bootId = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    writeFileSync(join(folder, 'proxy.json'), JSON.stringify({ pid: victim.pid, startTime, bootId, code: 'old' }));
    await home.polarstackOk(['up', '--no-demo']);
    expect(lives(victim)).toBe(true);
    expect(readFileSync(target, 'utf8')).toBe('precious');
    expect(statSync(target).uid).toBe(0);
    expect(existsSync(join(folder, 'connection.json'))).toBe(false);
    expect(lstatSync(folder).uid).toBe(uidOf('polarstack-proxy'));
  });

  test('down signals neither whom a record of a pod names, nor who mentions a path, nor a stranger', async () => {
    process.kill(controlPid(home), 'SIGKILL');
    const state = join(home.dir, 'nodes', 'node-1', 'pods', 'x', 'engine', 'state');
    mkdirSync(state, { recursive: true });
    const named = await sleeper(0);
    const startTime = readFileSync(`/proc/${named.pid}/stat`, 'latin1').split(' ')[21];
    const bootId = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    for (const name of ['keeper', 'main']) writeFileSync(join(state, name), `1 ${named.pid} ${startTime} ${bootId}\n`);
    const pod = await sleeper(pods, state);
    const stranger = await sleeper(NOBODY, join(home.dir, 'nodes'));
    const mentions = await bystander('tail', ['-f', '/dev/null', join(home.dir, 'versions', 'x', 'proxy.mjs')], 0);
    // The pod's process is not in any record, so it is killed in the end.
    await home.polarstackOk(['down']);
    expect([named, stranger, mentions].map(lives)).toEqual([true, true, true]);
    expect(pod.signalCode ?? pod.exitCode).not.toBeNull();
  }, 120_000);
});

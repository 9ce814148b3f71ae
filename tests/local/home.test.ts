/**
 * The local home as a whole, by its commands: two at once, two side by side, dead processes, a stranger's address, a
 * damaged state.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { waitFor } from '@polarstack/base';
import { createTestHome, missing, polarstackProgram, type TestHome } from '@polarstack/testkit';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

const skip = missing('postgres');
const signal = new AbortController().signal;

interface ControlState {
  readonly pid: number;
  readonly url: string;
  readonly build: string;
}
const read = <T>(...path: string[]): T => JSON.parse(readFileSync(join(...path), 'utf8')) as T;
const control = (home: TestHome): ControlState => read(home.dir, 'control.json');
const proxyPid = (home: TestHome): number => read<{ pid: number }>(home.dir, 'proxy.json').pid;
const block = (home: TestHome): number => read<{ block: number }>(home.dir, 'home.json').block;

describe.skipIf(skip)('a home without clusters', () => {
  let home: TestHome;
  beforeEach(() => {
    home = createTestHome();
  });
  afterEach(async () => await home.remove());

  test('up twice at once: one starts it, the other waits and changes nothing', async () => {
    const results = await Promise.all([home.polarstackOk(['up', '--no-demo']), home.polarstackOk(['up', '--no-demo'])]);
    expect(results.filter((text) => text.includes('Nothing changed'))).toHaveLength(1);
    expect(results.find((text) => text.includes('Nothing changed'))).toMatch(
      /polarstack up \(pid \d+\) is at work here/,
    );
    expect(home.processes().filter(({ command }) => command.includes('control.mjs'))).toHaveLength(1);
  });

  test('down stops everything, doing it twice is doing it once, and up goes on with the same addresses', async () => {
    await home.polarstackOk(['up', '--no-demo']);
    const before = control(home);
    expect(await home.polarstackOk(['down'])).toMatch(/Stopped \d+ processes/);
    expect(home.processes()).toEqual([]);
    expect(await home.polarstackOk(['down'])).toContain('Nothing was running');
    await home.polarstackOk(['up', '--no-demo']);
    expect(control(home).url).toBe(before.url);
    expect(control(home).pid).not.toBe(before.pid);
  });

  test('a folder that the engines could not enter is refused before anything is written', async () => {
    if (process.getuid?.() !== 0) return; // a plain user's engines run as that user
    chmodSync(dirname(home.dir), 0o700);
    const { code, stderr } = await home.polarstack(['up', '--no-demo']);
    expect(code).toBe(4);
    expect(stderr).toContain('HomeNotReachable');
    expect(existsSync(home.dir)).toBe(false);
  });

  test('down --delete asks, and does nothing where nobody can answer', async () => {
    await home.polarstackOk(['up', '--no-demo']);
    const refused = await home.polarstack(['down', '--delete']);
    expect(refused.code).not.toBe(0);
    expect(refused.stderr).toContain('ConfirmationNeeded');
    expect(home.processes().length).toBeGreaterThan(0);
    const claim = `/tmp/polarstack-blocks-${process.getuid?.()}/${block(home)}`;
    expect(readFileSync(claim, 'utf8')).toBe(home.dir);
    await home.polarstackOk(['down', '--delete', '--yes']);
    expect(existsSync(home.dir)).toBe(false);
    expect(existsSync(claim)).toBe(false);
    expect((await home.polarstack(['down'])).code).toBe(0);
  });

  test('secrets are private to the user, and every program runs from the home', async () => {
    await home.polarstackOk(['up', '--no-demo']);
    expect(statSync(home.kubeconfig).mode & 0o777).toBe(0o600);
    expect(statSync(join(home.dir, 'pki')).mode & 0o777).toBe(0o700);
    expect(statSync(join(home.dir, 'api')).mode & 0o077).toBe(0);
    for (const { command } of home.processes())
      expect(command).toContain(join(home.dir, 'versions', control(home).build));
  });

  test('a proxy that was killed is started again, and a control process that was killed by the next up', async () => {
    await home.polarstackOk(['up', '--no-demo']);
    const first = proxyPid(home);
    process.kill(first, 'SIGKILL');
    const second = await waitFor('a new proxy', async () => (proxyPid(home) === first ? undefined : proxyPid(home)), {
      signal,
      timeoutMs: 30_000,
    });
    const before = control(home);
    process.kill(before.pid, 'SIGKILL');
    expect(await home.polarstackOk(['up', '--no-demo'])).toContain('Ready in');
    expect(control(home).pid).not.toBe(before.pid);
    expect(proxyPid(home)).toBe(second);
  });

  test('in the foreground it stays until it is told to stop, and then leaves nothing running', async () => {
    const child = spawn(polarstackProgram, ['up', '--no-demo', '--foreground'], {
      env: { ...process.env, POLARSTACK_HOME: home.dir },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let shown = '';
    child.stdout.on('data', (chunk: Buffer) => {
      shown += chunk.toString();
    });
    await waitFor('it to be up', async () => (shown.includes('Ctrl-C stops everything') ? true : undefined), {
      signal,
      timeoutMs: 60_000,
    });
    expect(home.processes().length).toBeGreaterThan(1);
    child.kill('SIGTERM');
    expect(await once(child, 'exit')).toEqual([0, null]);
    expect(home.processes()).toEqual([]);
  });

  test('down works without a control process', async () => {
    await home.polarstackOk(['up', '--no-demo']);
    process.kill(control(home).pid, 'SIGKILL');
    await home.polarstackOk(['down']);
    expect(home.processes()).toEqual([]);
  });

  test.each([
    ['is gone', undefined],
    ['is damaged', '{"pid":'],
    ['names a process that has ended', '{"pid":1,"startTime":"1","bootId":"x","build":"x","url":"x"}'],
  ])('control.json %s: up finds the control process all the same, and replaces it', async (_, text) => {
    await home.polarstackOk(['up', '--no-demo']);
    const before = control(home);
    if (text === undefined) rmSync(join(home.dir, 'control.json'));
    else writeFileSync(join(home.dir, 'control.json'), text);
    expect(await home.polarstackOk(['up', '--no-demo'])).toContain('it has no record');
    expect(control(home).pid).not.toBe(before.pid);
    expect(home.processes().filter(({ command }) => command.includes('control.mjs'))).toHaveLength(1);
    expect(await home.kubectlOk(['get', 'nodes', '-o', 'name'])).toContain('node/node-3');
    rmSync(join(home.dir, 'control.json'));
    expect(await home.polarstackOk(['down'])).toContain('Stopped');
    expect(home.processes()).toEqual([]);
  });

  test('a stopped control process is named by up, and ended by down', async () => {
    await home.polarstackOk(['up', '--no-demo']);
    const { pid } = control(home);
    process.kill(pid, 'SIGSTOP');
    const { code, stderr } = await home.polarstack(['up', '--no-demo']);
    expect(code).toBe(5);
    expect(stderr).toContain('ControlStopped');
    expect(stderr).toContain(`kill -CONT ${pid}`);
    await home.polarstackOk(['down']);
    expect(home.processes()).toEqual([]);
  });

  test('many homes that start at the same moment get addresses of their own', async () => {
    const others = [createTestHome(), createTestHome(), createTestHome()];
    try {
      await Promise.all([home, ...others].map((each) => each.polarstackOk(['up', '--no-demo'])));
      expect(new Set([home, ...others].map(block)).size).toBe(4);
    } finally {
      for (const other of others) await other.remove();
    }
  });

  test('a second home takes other addresses, also while the first is not reachable', async () => {
    const other = createTestHome();
    try {
      await home.polarstackOk(['up', '--no-demo']);
      await other.polarstackOk(['up', '--no-demo']);
      expect(block(other)).not.toBe(block(home));
      for (const each of [home, other]) {
        expect(await each.kubectlOk(['get', 'nodes', '-o', 'name'])).toContain('node/node-3');
      }
      await home.polarstackOk(['down']);
      expect(await other.kubectlOk(['get', 'nodes', '-o', 'name'])).toContain('node/node-1');
    } finally {
      await other.remove();
    }
  });

  test('its address taken by a stranger is an error that names the stranger', async () => {
    await home.polarstackOk(['up', '--no-demo']);
    await home.polarstackOk(['down']);
    const stranger = createServer();
    await once(stranger.listen(6443, `127.${block(home)}.0.1`), 'listening');
    try {
      const { code, stderr } = await home.polarstack(['up', '--no-demo']);
      expect(code).toBe(5);
      expect(stderr).toContain('AddressInUse');
      expect(stderr).toContain(`pid ${process.pid}`);
      expect(home.processes()).toEqual([]);
    } finally {
      stranger.close();
    }
    await home.polarstackOk(['up', '--no-demo']);
  });

  test('a damaged state stops the start with its code and what mends it', async () => {
    await home.polarstackOk(['up', '--no-demo']);
    await home.polarstackOk(['down']);
    const folder = join(home.dir, 'api');
    const largest = readdirSync(folder)
      .map((name) => join(folder, name))
      .sort((a, b) => statSync(b).size - statSync(a).size)[0];
    if (largest === undefined) throw new Error('no state');
    const bytes = readFileSync(largest);
    const middle = Math.floor(bytes.length / 2);
    bytes.writeUInt8(bytes.readUInt8(middle) ^ 0xff, middle);
    writeFileSync(largest, bytes);
    const { code, stderr } = await home.polarstack(['up', '--no-demo']);
    expect(code).not.toBe(0);
    expect(stderr).toContain('StateLogCorrupt');
    expect(stderr).toContain('polarstack doctor --repair');
    expect(home.processes()).toEqual([]);

    const looked = await home.polarstack(['doctor']);
    expect(looked.code).toBe(1);
    expect(looked.stdout).toMatch(/✘ state .*\n.*polarstack doctor --repair/);
    const repaired = await home.polarstack(['doctor', '--repair', '--accept-loss']);
    expect(repaired.stdout).toMatch(/The copy is in use; the damaged files are kept in .*\n/);
    expect(repaired.code).toBe(0);
    await home.polarstackOk(['up', '--no-demo']);
    expect(await home.kubectlOk(['get', 'nodes', '-o', 'name'])).toContain('node/node-3');
  });

  test('doctor finds a healthy home healthy, as text and as JSON, and repairs nothing that is in use', async () => {
    const { code, stdout } = await home.polarstack(['doctor']);
    expect({ code, failed: stdout.includes('✘') }).toEqual({ code: 0, failed: false });
    await home.polarstackOk(['up', '--no-demo']);
    const { findings } = JSON.parse(await home.polarstackOk(['doctor', '-o', 'json'])) as {
      findings: { name: string; state: string; detail: string }[];
    };
    expect(findings.filter(({ state }) => state === 'failed')).toEqual([]);
    expect(findings.find(({ name }) => name === 'control process')?.detail).toContain(`pid ${control(home).pid}`);
    expect(findings.find(({ name }) => name === 'state')?.detail).toMatch(/\d+ objects/);
    expect(await home.polarstackOk(['doctor', '--repair'])).toContain('nothing was repaired');
  });
});

describe.skipIf(skip)('setting POLARSTACK_PG_BIN', () => {
  test('a folder without the programs is refused, saying what it lacks', async () => {
    const home = createTestHome();
    try {
      const { code, stderr } = await home.polarstack(['up', '--no-demo'], { env: { POLARSTACK_PG_BIN: '/usr/bin' } });
      expect(code).toBe(3);
      expect(stderr).toContain('PostgresMissing');
      expect(stderr).toMatch(/POLARSTACK_PG_BIN=\/usr\/bin lacks .*initdb/);
      expect(home.processes()).toEqual([]);
    } finally {
      await home.remove();
    }
  });
});

/** kubectl logs, attach and exec on pods that really run. */
import { spawn } from 'node:child_process';
import { missing } from '@polarstack/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RealPods, startRealPods } from './real-pods.ts';

let pods: RealPods;

/** Starts kubectl, does `meanwhile` when it has said `first`, and answers what it said and its exit code at its end. */
function during(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  first: RegExp,
  meanwhile: () => Promise<unknown>,
): Promise<{ readonly output: string; readonly code: number | null }> {
  return new Promise((resolve, reject) => {
    const child = spawn('kubectl', args, {
      env: { ...process.env, KUBECONFIG: pods.server.kubeconfig, HOME: pods.server.folder, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    let isSeen = false;
    const look = (chunk: Buffer): void => {
      output += String(chunk);
      if (isSeen || !first.test(output)) return;
      isSeen = true;
      meanwhile().catch(reject);
    };
    child.stdout.on('data', look);
    child.stderr.on('data', look);
    child.once('error', reject);
    child.once('close', (code) => resolve({ output, code }));
  });
}

describe.skipIf(missing('kubectl'))('kubectl on real pods', { timeout: 180_000 }, () => {
  beforeAll(async () => {
    pods = await startRealPods();
    await pods.pod('done', 'echo one; echo two; echo three >&2; printf unfinished', { phase: 'Succeeded' });
  }, 120_000);
  afterAll(async () => {
    await pods?.stop();
  }, 120_000);

  it('shows the whole log of a pod that has ended, or the end of it', async () => {
    expect(await pods.ok(['logs', 'done'])).toBe('one\ntwo\nthree\nunfinished');
    expect(await pods.ok(['logs', 'done', '--tail=2'])).toBe('three\nunfinished');
    expect(await pods.ok(['logs', 'done', '--limit-bytes=5'])).toBe('one\nt');
    expect(await pods.ok(['logs', 'done', '--since=1h'])).toBe('one\ntwo\nthree\nunfinished');
    expect(await pods.ok(['logs', 'done', '-c', 'main', '--prefix'])).toContain('[pod/done/main] one\n');
    expect((await pods.kubectl(['logs', 'done', '-c', 'other'])).stderr).toContain('container other is not valid');
    expect((await pods.kubectl(['logs', 'done', '--previous'])).stderr).toContain('previous');
  });

  it('shows when lines were written', async () => {
    const lines = (await pods.ok(['logs', 'done', '--timestamps'])).split('\n');
    expect(lines.map((line) => line.replace(/^\S+ /, ''))).toEqual(['one', 'two', 'three', 'unfinished']);
    const started = await pods.ok(['get', 'pod', 'done', '-o', 'jsonpath={.status.startTime}']);
    for (const line of lines) {
      const time = Date.parse(line.split(' ')[0] ?? '');
      expect(time).toBeGreaterThanOrEqual(Date.parse(started));
      expect(time).toBeLessThanOrEqual(Date.now());
    }
  });

  it('shows the run before', async () => {
    await pods.pod(
      'again',
      'if [ -e "$POLARSTACK_ROOT/seen" ]; then echo second; sleep 1000; fi; echo first; : > "$POLARSTACK_ROOT/seen"; exit 1',
      {
        restartPolicy: 'Always',
      },
    );
    await expect.poll(() => pods.ok(['logs', 'again']), { timeout: 60_000 }).toBe('second\n');
    expect(await pods.ok(['logs', 'again', '--previous'])).toBe('first\n');
  });

  it('follows a log to the end of its pod', async () => {
    await pods.pod('told', 'echo begun; while [ ! -e "$POLARSTACK_ROOT/go" ]; do sleep 0.1; done; echo ended');
    const go = () => pods.ok(['exec', 'told', '--', 'sh', '-c', ': > "$POLARSTACK_ROOT/go"']);
    const { output, code } = await during(['logs', '-f', 'told'], {}, /begun/, go);
    expect({ output, code }).toEqual({ output: 'begun\nended\n', code: 0 });
  });

  for (const [way, websockets] of [
    ['WebSockets', 'true'],
    ['SPDY', 'false'],
  ] as const) {
    const env = { KUBECTL_REMOTE_COMMAND_WEBSOCKETS: websockets };

    it(`attaches over ${way}: what is said from now on`, async () => {
      const name = `attached-${way.toLowerCase()}`;
      await pods.pod(
        name,
        'echo before; while [ ! -e "$POLARSTACK_ROOT/go" ]; do echo tick; sleep 0.1; done; echo ended',
      );
      const go = () => pods.ok(['exec', name, '--', 'sh', '-c', ': > "$POLARSTACK_ROOT/go"']);
      const { output, code } = await during(['attach', name], env, /tick/, go);
      expect(code).toBe(0);
      expect(output).not.toContain('before');
      expect(output).toMatch(/tick\n[\s\S]*ended\n$/);
      const stdin = await pods.kubectl(['attach', name, '--quiet'], { env });
      expect(stdin.stderr).toMatch(/completed|has ended/);
    });

    it(`runs commands over ${way}`, async () => {
      await pods.pod(`host-${way.toLowerCase()}`, 'sleep 1000');
      const name = `host-${way.toLowerCase()}`;
      const exec = async (args: readonly string[], input?: string) =>
        await pods.kubectl(['exec', ...args], { env, ...(input === undefined ? {} : { input }) });
      expect(await exec([name, '--', 'sh', '-c', 'echo out; echo err >&2'])).toEqual({
        code: 0,
        stdout: 'out\n',
        stderr: 'err\n',
      });
      expect((await exec(['-i', name, '--', 'tr', 'a-z', 'A-Z'], 'shout')).stdout).toBe('SHOUT');
      const failed = await exec([name, '--', 'sh', '-c', 'exit 7']);
      expect(failed).toMatchObject({ code: 7, stderr: 'command terminated with exit code 7\n' });
      const big = await exec([name, '--', 'sh', '-c', 'head -c 3000000 /dev/zero | tr "\\0" x']);
      expect(big.stdout).toHaveLength(3_000_000);
      const echoed = await exec(['-i', name, '--', 'cat'], 'y'.repeat(2_000_000));
      expect(echoed.stdout).toHaveLength(2_000_000);
      expect((await exec([name, '--', 'no-such-program'])).code).toBe(127);
      expect((await exec(['nowhere', '--', 'true'])).stderr).toContain('pods "nowhere" not found');
    });
  }

  it('is refused an input that containers do not have', async () => {
    const container = { name: 'main', image: 'host', command: ['sleep', '1000'], stdin: true };
    const wanting = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'wanting' }, spec: { containers: [container] } };
    await pods.ok(['create', '-f', '-'], JSON.stringify(wanting));
    await pods.ok(['wait', '--for=condition=Ready', 'pod/wanting', '--timeout=60s']);
    const said = await pods.kubectl(['attach', '-i', 'wanting'], { input: 'hello' });
    expect(said.code).toBe(1);
    expect(said.stderr).toContain('was started without an input or a terminal');
  });

  it('runs a pod and shows what it says', async () => {
    const said = await pods.kubectl([
      'run',
      'once',
      '--image=host',
      '--restart=Never',
      '--attach',
      '--rm',
      '--quiet',
      '--command',
      '--',
      'sh',
      '-c',
      'sleep 2; echo hello; sleep 1',
    ]);
    expect(said.stdout).toContain('hello\n');
    expect((await pods.kubectl(['get', 'pod', 'once'])).code).toBe(1);
  });
});

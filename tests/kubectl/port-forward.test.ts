/** kubectl port-forward with the real program, over WebSockets and over SPDY. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server } from 'node:net';
import { missing } from '@polarstack/testkit';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type KubectlLab, startLab } from './harness.ts';

let lab: KubectlLab;
let echo: Server;
let kubeconfig: string;
const running: ChildProcess[] = [];

/** Starts a forward to a port of the pod; resolves with the local port. */
async function forward(port: number, env: Readonly<Record<string, string>>): Promise<{ port: number; said(): string }> {
  const child = spawn('kubectl', ['port-forward', 'pod/real', `:${port}`, '--address', '127.0.0.1'], {
    env: { ...process.env, KUBECONFIG: kubeconfig, HOME: lab.dir, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  running.push(child);
  let output = '';
  child.stderr.on('data', (chunk: Buffer) => {
    output += String(chunk);
  });
  const local = await new Promise<number>((resolve, reject) => {
    child.stdout.on('data', (chunk: Buffer) => {
      output += String(chunk);
      const match = /127\.0\.0\.1:(\d+) ->/.exec(output);
      if (match) resolve(Number(match[1]));
    });
    child.once('close', () => reject(new Error(`kubectl port-forward ended: ${output}`)));
  });
  return { port: local, said: () => output };
}

/** Sends, says that this is all, and reads to the end. */
async function exchange(port: number, data: Buffer): Promise<Buffer> {
  const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true });
  socket.end(data);
  const chunks: Buffer[] = [];
  for await (const chunk of socket) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

const digest = (data: Buffer): string => createHash('sha256').update(data).digest('hex');

describe.skipIf(missing('kubectl'))('kubectl port-forward', { timeout: 120_000 }, () => {
  beforeAll(async () => {
    lab = await startLab();
    kubeconfig = await lab.kubeconfigFor(lab.server.adminKeys);
    echo = createServer({ allowHalfOpen: true }, (socket) => {
      socket.on('error', () => socket.destroy());
      socket.pipe(socket);
    });
    echo.listen(0, '127.0.0.1');
    await once(echo, 'listening');
    await lab.ok(['run', 'real', '--image=host']);
    await lab.ok(['run', 'pending', '--image=host']);
    const status = '{"status":{"phase":"Running","podIP":"127.0.0.1"}}';
    await lab.ok(['patch', 'pod', 'real', '--subresource=status', '-p', status]);
  });
  afterEach(async () => {
    for (const child of running.splice(0)) {
      child.kill('SIGKILL');
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    }
  });
  afterAll(async () => {
    echo.close();
    await lab.stop();
  });

  for (const [name, env] of [
    ['over WebSockets', { KUBECTL_PORT_FORWARD_WEBSOCKETS: 'true' }],
    ['over SPDY', { KUBECTL_PORT_FORWARD_WEBSOCKETS: 'false' }],
  ] as const) {
    it(`carries connections, many and large, ${name}`, async () => {
      const { port } = await forward((echo.address() as AddressInfo).port, env);
      expect(String(await exchange(port, Buffer.from('hello')))).toBe('hello');
      const large = randomBytes(8 * 1024 * 1024);
      expect(digest(await exchange(port, large))).toBe(digest(large));
      const many = Array.from({ length: 20 }, (_, i) => Buffer.alloc(10_000 + i, i));
      const answers = await Promise.all(many.map(async (data) => await exchange(port, data)));
      expect(answers.map(digest)).toEqual(many.map(digest));
    });

    it(`tells when nobody listens ${name}`, async () => {
      const closed = createServer().listen(0, '127.0.0.1');
      await once(closed, 'listening');
      const { port: free } = closed.address() as AddressInfo;
      await new Promise((resolve) => closed.close(resolve));
      const forwarded = await forward(free, env);
      await exchange(forwarded.port, Buffer.from('anybody?')).catch(() => undefined);
      await expect.poll(() => forwarded.said(), { timeout: 30_000 }).toContain('ECONNREFUSED');
    });
  }

  it('is refused for pods that are not there, do not run, or are not one’s own', async () => {
    expect((await lab.kubectl(['port-forward', 'pod/nothing', ':1'])).stderr).toContain('pods "nothing" not found');
    expect((await lab.kubectl(['port-forward', 'pod/pending', ':1'])).stderr).toContain('pod is not running');
    const guest = { KUBECONFIG: await lab.kubeconfigFor(await lab.server.issue('guest', ['visitors'])) };
    expect((await lab.kubectl(['port-forward', 'pod/real', ':1'], { env: guest })).stderr).toContain('forbidden');
  });
});

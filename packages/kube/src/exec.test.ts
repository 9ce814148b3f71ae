import { spawn } from 'node:child_process';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { PassThrough, Readable } from 'node:stream';
import { StackError } from '@polarstack/base';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { WebSocketServer } from 'ws';
import { execInPod } from './exec.ts';

let server: Server;
let sockets: WebSocketServer;
let url: string;
let offered = ['v5.channel.k8s.io'];
let seen: URL | undefined;
let killed: Promise<string | null> | undefined;

/** Speaks the protocol as a kubelet does, with a real process behind it. */
beforeEach(async () => {
  offered = ['v5.channel.k8s.io'];
  killed = undefined;
  server = createServer();
  sockets = new WebSocketServer({
    noServer: true,
    handleProtocols: (protocols) => offered.find((protocol) => protocols.has(protocol)) ?? false,
  });
  server.on('upgrade', (request, socket, head) => {
    seen = new URL(request.url ?? '', 'http://fake');
    if (request.headers.authorization === 'Bearer old') {
      socket.end('HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\nConnection: close\r\n\r\n');
      return;
    }
    if (seen.pathname.includes('/absent/')) {
      const body = JSON.stringify({
        kind: 'Status',
        code: 404,
        reason: 'NotFound',
        message: 'pods "absent" not found',
      });
      socket.end(`HTTP/1.1 404 Not Found\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`);
      return;
    }
    sockets.handleUpgrade(request, socket, head, (ws) => {
      const [program = '', ...rest] = (seen as URL).searchParams.getAll('command');
      const child = spawn(program, rest);
      const frame = (channel: number, data: string | Buffer) =>
        ws.send(Buffer.concat([Buffer.from([channel]), Buffer.from(data)]));
      child.stdout.on('data', (data: Buffer) => frame(1, data));
      child.stderr.on('data', (data: Buffer) => frame(2, data));
      child.on('error', (error) => {
        frame(3, JSON.stringify({ status: 'Failure', reason: 'InternalError', message: error.message }));
        ws.close(1000);
      });
      // A command may end before it has read its input: a real server drops the rest as well.
      child.stdin.on('error', (error: NodeJS.ErrnoException) => {
        if (error.code !== 'EPIPE') throw error;
      });
      ws.on('message', (message: Buffer) => {
        if (message[0] === 0) child.stdin.write(message.subarray(1));
        if (message[0] === 255 && message[1] === 0) child.stdin.end();
      });
      killed = new Promise((resolve) => {
        child.on('close', (_, signal) => resolve(signal));
      });
      ws.on('close', () => child.kill());
      child.on('close', (code) => {
        if (code === null) return;
        const causes = [{ reason: 'ExitCode', message: String(code) }];
        frame(
          3,
          JSON.stringify(
            code === 0 ? { status: 'Success' } : { status: 'Failure', reason: 'NonZeroExitCode', details: { causes } },
          ),
        );
        ws.close(1000);
      });
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterEach(async () => {
  for (const client of sockets.clients) client.terminate();
  await new Promise((resolve) => server.close(resolve));
});

async function run(command: readonly string[], input?: string, pod = 'p', signal = new AbortController().signal) {
  const stdout = new PassThrough();
  const stderr = new PassThrough();
  const text = async (stream: PassThrough): Promise<string> => {
    let all = '';
    for await (const chunk of stream.setEncoding('utf8')) all += chunk;
    return all;
  };
  const outputs = Promise.all([text(stdout), text(stderr)]);
  const stdin = input === undefined ? {} : { stdin: Readable.from([input.slice(0, 3), input.slice(3)]) };
  try {
    const code = await execInPod(
      { server: url },
      { namespace: 'default', pod, container: 'engine' },
      { command, stdout, stderr, ...stdin },
      signal,
    );
    return { code, outputs: async () => await outputs };
  } finally {
    stdout.end();
    stderr.end();
  }
}

test('output, errors and exit code arrive apart', async () => {
  const { code, outputs } = await run(['sh', '-c', 'echo out; echo err >&2; exit 7']);
  expect(code).toBe(7);
  expect(await outputs()).toEqual(['out\n', 'err\n']);
  expect(seen?.pathname).toBe('/api/v1/namespaces/default/pods/p/exec');
  expect(seen?.searchParams.get('container')).toBe('engine');
});

test('the command reads its input to the end', async () => {
  const { code, outputs } = await run(['cat'], 'hello wörld');
  expect(code).toBe(0);
  expect((await outputs())[0]).toBe('hello wörld');
});

test('much output arrives whole', async () => {
  const { outputs } = await run(['sh', '-c', 'head -c 3000000 /dev/zero | tr "\\0" x']);
  expect((await outputs())[0]).toHaveLength(3_000_000);
});

test('a v4 server will do', async () => {
  offered = ['v4.channel.k8s.io'];
  expect((await run(['sh', '-c', 'exit 3'], 'abc')).code).toBe(3);
});

test('an unknown pod is NotFound, a command that cannot be run is ExecFailed', async () => {
  const codes = [];
  for (const [command, pod] of [
    ['true', 'absent'],
    ['/no/such/program', 'p'],
  ] as const) {
    try {
      await run([command], undefined, pod);
    } catch (error) {
      codes.push(error instanceof StackError ? error.code : error);
    }
  }
  expect(codes).toEqual(['NotFound', 'ExecFailed']);
});

test('credentials that the server refuses are renewed once', async () => {
  const asked: boolean[] = [];
  const credentials = async ({ renew }: { readonly renew: boolean }) => {
    asked.push(renew);
    return { token: renew ? 'new' : 'old' };
  };
  const request = { command: ['true'], stdout: new PassThrough(), stderr: new PassThrough() };
  const { signal } = new AbortController();
  expect(await execInPod({ server: url, credentials }, { namespace: 'n', pod: 'p' }, request, signal)).toBe(0);
  expect(asked).toEqual([false, true]);
});

test('nobody listens: ApiUnreachable', async () => {
  const request = { command: ['true'], stdout: new PassThrough(), stderr: new PassThrough() };
  const pending = execInPod(
    { server: 'http://127.0.0.1:1' },
    { namespace: 'n', pod: 'p' },
    request,
    new AbortController().signal,
  );
  await expect(pending).rejects.toMatchObject({ code: 'ApiUnreachable' });
});

test('an abort ends the connection, and with it the command', async () => {
  const abort = new AbortController();
  const stdout = new PassThrough();
  const pending = execInPod(
    { server: url },
    { namespace: 'n', pod: 'p' },
    { command: ['sh', '-c', 'echo ready; exec sleep 100'], stdout, stderr: new PassThrough() },
    abort.signal,
  );
  stdout.once('data', () => abort.abort(new Error('enough')));
  await expect(pending).rejects.toThrow('enough');
  expect(await killed).toBe('SIGTERM');
});

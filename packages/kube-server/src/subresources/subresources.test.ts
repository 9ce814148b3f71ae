import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import type { PodConnector } from '@polarstack/api';
import { StackError } from '@polarstack/base';
import { afterEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { valueAt } from '../json.ts';
import { startTestServer, type TestServer } from '../testing/test-server.ts';

let running: TestServer | undefined;
afterEach(async () => {
  await running?.stop();
  running = undefined;
});

/** Understands `cat`, `exit N`, `echo TEXT`, `wait` (until the client leaves). */
function fakeConnector(seen: { readonly left: string[] }): PodConnector {
  return {
    exec: async (_ref, { command, stdin, stdout, stderr }, signal) => {
      const [program = '', argument = ''] = command;
      switch (program) {
        case 'cat':
          stdout.write((await text(stdin ?? new PassThrough().end())).toUpperCase());
          return 0;
        case 'exit':
          stderr.write('going\n');
          return Number(argument);
        case 'wait':
          stdout.write('waiting\n');
          await new Promise((resolve) => signal.addEventListener('abort', resolve));
          seen.left.push(argument);
          return 137;
        default:
          throw new StackError('NotFound', `no program ${program}`);
      }
    },
    logs: async function* (ref, { tailLines, previous, follow }, signal) {
      const lines = ['one\n', 'two\n', 'three\n'];
      if (previous) throw new StackError('NotFound', `container ${ref.container} has no previous run`);
      for (const line of tailLines === undefined ? lines : lines.slice(-tailLines)) yield Buffer.from(line);
      if (!follow) return;
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
      seen.left.push('log');
    },
  };
}

const pods = '/api/v1/namespaces/default/pods';
const container = (name: string): object => ({ name, image: 'host' });

async function start(): Promise<{ readonly server: TestServer; readonly seen: { readonly left: string[] } }> {
  const seen = { left: [] };
  const server = await startTestServer({ connector: fakeConnector(seen) });
  running = server;
  await server.admin.call('POST', pods, { metadata: { name: 'p' }, spec: { containers: [container('c')] } });
  await server.admin.call('POST', pods, {
    metadata: { name: 'two' },
    spec: { containers: [container('a'), container('b')] },
  });
  const status = { status: { phase: 'Running', containerStatuses: [{ name: 'c', state: { running: {} } }] } };
  await server.admin.call('PATCH', `${pods}/p/status`, status, { 'content-type': 'application/merge-patch+json' });
  return { server, seen };
}

interface ExecResult {
  readonly out: string;
  readonly err: string;
  readonly status: unknown;
}

function exec(
  server: TestServer,
  query: string,
  input?: string,
  protocol = 'v5.channel.k8s.io',
  keys = server.adminKeys,
): Promise<ExecResult> {
  return new Promise((resolve, reject) => {
    const url = `wss://127.0.0.1:${server.server.port}${pods}/p/exec?${query}`;
    const socket = new WebSocket(url, [protocol], { ca: server.caPem, cert: keys.certPem, key: keys.keyPem });
    const channels: Buffer[] = [Buffer.alloc(0), Buffer.alloc(0), Buffer.alloc(0), Buffer.alloc(0)];
    socket.on('open', () => {
      if (input === undefined) return;
      socket.send(Buffer.concat([Buffer.from([0]), Buffer.from(input)]));
      socket.send(Buffer.from([255, 0]));
    });
    socket.on('message', (data: Buffer) => {
      const channel = data[0] ?? 0;
      channels[channel] = Buffer.concat([channels[channel] ?? Buffer.alloc(0), data.subarray(1)]);
    });
    socket.on('close', () => {
      const status = String(channels[3]);
      resolve({
        out: String(channels[1]),
        err: String(channels[2]),
        status: status === '' ? undefined : JSON.parse(status),
      });
    });
    socket.on('unexpected-response', (_request, response) => {
      text(response).then((body) => reject(new Error(body)), reject);
    });
    socket.on('error', reject);
  });
}

describe('exec', () => {
  it('carries input, output and success', async () => {
    const { server } = await start();
    const result = await exec(server, 'command=cat&stdin=true&stdout=true&stderr=true', 'hello');
    expect(result).toMatchObject({ out: 'HELLO', status: { status: 'Success' } });
    const old = await exec(server, 'command=exit&command=0&stdout=true', undefined, 'v4.channel.k8s.io');
    expect(old.status).toMatchObject({ status: 'Success' });
  });

  it('carries the exit code', async () => {
    const { server } = await start();
    expect(await exec(server, 'command=exit&command=3&container=c&stdout=true&stderr=true')).toMatchObject({
      err: 'going\n',
      status: {
        status: 'Failure',
        reason: 'NonZeroExitCode',
        message: 'command terminated with exit code 3',
        details: { causes: [{ reason: 'ExitCode', message: '3' }] },
      },
    });
  });

  it('says what is wrong before it begins', async () => {
    const { server } = await start();
    await expect(exec(server, 'command=x&container=zzz')).rejects.toThrow('container zzz is not valid for pod p');
    await expect(exec(server, 'stdout=true')).rejects.toThrow('you must specify at least one command');
    await expect(exec(server, 'command=x', undefined, 'other.example.com')).rejects.toThrow('exec speaks SPDY/3.1');
    expect((await exec(server, 'command=unknown&stdout=true')).status).toMatchObject({ status: 'Failure' });
  });

  it('is for those who may run commands, not for those who may read', async () => {
    const { server } = await start();
    await server.admin.call('POST', '/apis/rbac.authorization.k8s.io/v1/clusterrolebindings', {
      metadata: { name: 'readers' },
      roleRef: { kind: 'ClusterRole', name: 'view' },
      subjects: [{ kind: 'Group', name: 'readers' }],
    });
    const keys = await server.issue('ann', ['readers']);
    const reader = server.client(keys);
    expect((await reader.call('GET', `${pods}/p`)).code).toBe(200);
    expect((await reader.call('GET', `${pods}/p/log`)).code).toBe(200);
    expect((await reader.call('GET', '/api/v1/namespaces/default/secrets')).code).toBe(403);
    await expect(exec(server, 'command=exit&command=0', undefined, undefined, keys)).rejects.toThrow('is forbidden');
  });

  it('ends the command when the client leaves', async () => {
    const { server, seen } = await start();
    const url = `wss://127.0.0.1:${server.server.port}${pods}/p/exec?command=wait&command=me&stdout=true`;
    const keys = server.adminKeys;
    const socket = new WebSocket(url, ['v5.channel.k8s.io'], {
      ca: server.caPem,
      cert: keys.certPem,
      key: keys.keyPem,
    });
    await new Promise((resolve) => socket.once('message', resolve));
    socket.terminate();
    await expect.poll(() => seen.left, { timeout: 20_000 }).toEqual(['me']);
  });
});

describe('logs', () => {
  it('are plain text, whole or the end of it', async () => {
    const { server } = await start();
    const all = await server.admin.call('GET', `${pods}/p/log`);
    expect(all.headers['content-type']).toContain('text/plain');
    expect(all.text).toBe('one\ntwo\nthree\n');
    expect((await server.admin.call('GET', `${pods}/p/log?tailLines=1`)).text).toBe('three\n');
  });

  it('need a container to be named where there are several', async () => {
    const { server } = await start();
    const answer = await server.admin.call('GET', `${pods}/two/log`);
    expect(answer.body.message).toBe('a container name must be specified for pod two, choose one of: [a b]');
    const waiting = await server.admin.call('GET', `${pods}/two/log?container=a&previous=true`);
    expect(waiting.body.message).toBe('container "a" in pod "two" is waiting to start: ContainerCreating');
    const previous = await server.admin.call('GET', `${pods}/p/log?previous=true`);
    expect(previous.body).toMatchObject({ code: 400 });
    expect((await server.admin.call('GET', `${pods}/p/log?tailLines=x`)).code).toBe(400);
  });
});

describe('a server without a node runtime', () => {
  it('says so', async () => {
    const server = await startTestServer();
    running = server;
    await server.admin.call('POST', pods, { metadata: { name: 'p' }, spec: { containers: [container('c')] } });
    const answer = await server.admin.call('GET', `${pods}/p/log`);
    expect(answer.body).toMatchObject({ code: 503, message: 'no node runtime is connected to this server yet' });
    expect(valueAt(answer.body, 'reason')).toBe('ServiceUnavailable');
  });
});

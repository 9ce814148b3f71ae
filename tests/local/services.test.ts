/** Services, as clients see them: through the deaths of control and proxy, beside strangers, and after new code. */
import { once } from 'node:events';
import { appendFileSync, chmodSync, cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { waitFor } from '@polarstack/base';
import { createTestHome, missing, polarstackProgram, run, type TestHome } from '@polarstack/testkit';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';

const skip = missing('postgres') || missing('kubectl');
const signal = new AbortController().signal;
const patient = { signal, timeoutMs: 60_000 };

const read = <T>(...path: string[]): T => JSON.parse(readFileSync(join(...path), 'utf8')) as T;
const controlOf = (home: TestHome): { pid: number; build: string } => read(home.dir, 'control.json');
const proxyPid = (home: TestHome): number => read<{ pid: number }>(home.dir, 'proxy.json').pid;

/** A service without a selector, and its endpoint: an echo server of the test. */
const manifests = (name: string, port: number, echo: AddressInfo): string =>
  [
    { apiVersion: 'v1', kind: 'Service', metadata: { name }, spec: { ports: [{ name: 'echo', port }] } },
    {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { name: `${name}-1`, labels: { 'kubernetes.io/service-name': name } },
      addressType: 'IPv4',
      ports: [{ name: 'echo', port: echo.port, protocol: 'TCP' }],
      endpoints: [{ addresses: [echo.address], conditions: { ready: true } }],
    },
  ]
    .map((object) => JSON.stringify(object))
    .join('\n');

describe.skipIf(skip)('a service', () => {
  let home: TestHome;
  let echo: Server;
  const sockets = new Set<Socket>();

  beforeAll(async () => {
    home = createTestHome();
    await home.polarstackOk(['up', '--no-demo']);
    echo = createServer((socket) => {
      sockets.add(socket.on('error', () => {}));
      socket.pipe(socket);
    });
    await once(echo.listen(0, '127.0.0.1'), 'listening');
  });
  afterAll(async () => {
    for (const socket of sockets) socket.destroy();
    echo.close();
    await home.remove();
  });

  /** Makes a service and answers its address. */
  async function serve(name: string, port: number): Promise<string> {
    await home.kubectlOk(['apply', '-f', '-'], { input: manifests(name, port, echo.address() as AddressInfo) });
    return await home.kubectlOk(['get', 'service', name, '-o', 'jsonpath={.spec.clusterIP}']);
  }

  async function dial(host: string, port: number): Promise<Socket> {
    return await waitFor(
      `${host}:${port} to accept`,
      async () => {
        const socket = connect(port, host);
        await once(socket, 'connect');
        sockets.add(socket.on('error', () => {}));
        return socket;
      },
      patient,
    );
  }

  async function say(socket: Socket, text: string): Promise<string> {
    socket.write(text);
    const [data] = (await once(socket, 'data')) as [Buffer];
    return data.toString();
  }

  test('connections live on through the death of control, and new ones are served meanwhile', async () => {
    const host = await serve('one', 5001);
    const before = await dial(host, 5001);
    expect(await say(before, 'a')).toBe('a');
    process.kill(controlOf(home).pid, 'SIGKILL');
    expect(await say(before, 'b')).toBe('b');
    const meanwhile = await dial(host, 5001);
    expect(await say(meanwhile, 'c')).toBe('c');
    await home.polarstackOk(['up', '--no-demo']);
    expect(await say(before, 'd')).toBe('d');
    expect(await say(meanwhile, 'e')).toBe('e');
    // And the proxy follows the API again.
    expect(await say(await dial(await serve('two', 5002), 5002), 'f')).toBe('f');
  });

  test('a proxy that died comes back with its routes', async () => {
    const host = await serve('one', 5001);
    const dead = proxyPid(home);
    process.kill(dead, 'SIGKILL');
    await waitFor('a new proxy', async () => (proxyPid(home) === dead ? undefined : true), patient);
    expect(await say(await dial(host, 5001), 'a')).toBe('a');
  });

  test('a connection ends when its endpoint leaves the service', async () => {
    const host = await serve('three', 5003);
    const socket = await dial(host, 5003);
    expect(await say(socket, 'a')).toBe('a');
    const closed = new Promise((resolve) => {
      socket.on('close', resolve);
    });
    await home.kubectlOk(['delete', 'endpointslice', 'three-1']);
    await closed;
  });

  test('an address that a stranger holds shows as an Event, and is served once it is free', async () => {
    const host = await serve('first', 5004);
    await home.kubectlOk(['delete', 'endpointslice', 'first-1']);
    const stranger = createServer();
    await waitFor(
      'the address to be free for the stranger',
      async () => {
        await once(stranger.listen(5004, host), 'listening');
        return true;
      },
      patient,
    );
    await serve('first', 5004);
    const seen = await waitFor(
      'the event',
      async () => {
        const text = await home.kubectlOk([
          'get',
          'events',
          '-o',
          'jsonpath={.items[?(@.reason=="AddressInUse")].message}',
        ]);
        return text === '' ? undefined : text;
      },
      patient,
    );
    expect(seen).toContain(`${host}:5004`);
    await new Promise((resolve) => stranger.close(resolve));
    expect(await say(await dial(host, 5004), 'ours')).toBe('ours');
  });
});

describe.skipIf(skip)('new code', () => {
  let home: TestHome;
  let folder: string;

  beforeEach(() => {
    home = createTestHome();
    folder = mkdtempSync(join(tmpdir(), 'newer-'));
    chmodSync(folder, 0o711);
    cpSync(polarstackProgram, join(folder, 'polarstack'));
    cpSync(join(dirname(polarstackProgram), 'dist'), join(folder, 'dist'), { recursive: true });
    // As a build after a change of the operator: another id, another control, the same proxy and agent.
    appendFileSync(join(folder, 'dist', 'control.mjs'), '\n// changed\n');
    const build = read<{ build: string }>(folder, 'dist', 'build.json');
    writeFileSync(join(folder, 'dist', 'build.json'), JSON.stringify({ ...build, build: 'newer0000000' }));
  });
  afterEach(async () => {
    await home.remove();
    rmSync(folder, { recursive: true });
  });

  test('replaces control, and neither the proxy nor a database', async () => {
    await home.polarstackOk(['up']);
    const before = { control: controlOf(home), proxy: proxyPid(home), pids: await enginePids() };
    const env = { POLARSTACK_HOME: home.dir, KUBECONFIG: home.kubeconfig };
    const replaced = await run(join(folder, 'polarstack'), ['up'], { env });
    expect(replaced.stdout).toContain('Replacing the control process');
    expect(replaced.code).toBe(0);
    expect(controlOf(home)).toMatchObject({ build: 'newer0000000' });
    expect(controlOf(home).pid).not.toBe(before.control.pid);
    expect(proxyPid(home)).toBe(before.proxy);
    expect(await enginePids()).toEqual(before.pids);
  });

  async function enginePids(): Promise<readonly number[]> {
    const { instances } = await home.cluster('demo');
    return instances.flatMap(({ pid }) => pid ?? []).sort((a, b) => a - b);
  }
});

/**
 * kube-apiserver, kube-controller-manager and etcd in a temporary folder, as the contract needs them: identities by client
 * certificate alone, and of the controllers those that are part of the API (garbage collection, namespaces).
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:https';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { waitFor } from '@polarstack/base';
import type { KubeAssets } from '../kube-assets.ts';
import { agentOf, createIdentity, type Identity } from './identity.ts';
import { writeKubeconfig } from './kubeconfig.ts';
import type { Endpoint, KubeTestServer } from './server.ts';

export interface RealOptions {
  /** Whether etcd brings each write to the disk before it answers, as it does by default. Tests do not wait for that. */
  readonly durable?: boolean;
}

/** `flags` are given to kube-apiserver on top of what the contract needs. */
export async function startRealKube(
  assets: KubeAssets,
  flags: readonly string[] = [],
  options: RealOptions = {},
): Promise<KubeTestServer> {
  const folder = await mkdtemp(join(tmpdir(), 'polarstack-kube-'));
  const children = new Map<string, ChildProcess>();
  const identity = await createIdentity();
  const agent = agentOf(identity);
  const stop = async (): Promise<void> => {
    agent.destroy();
    for (const child of [...children.values()].toReversed()) await kill(child);
    await rm(folder, { recursive: true, force: true });
  };
  try {
    const files = await writeFiles(folder, identity);
    const [etcdPort = 0, peerPort = 0, port = 0, metricsPort = 0] = await freePorts(4);
    const run = (name: string, program: string, args: readonly string[]): void => {
      children.set(name, start(program, args, join(folder, `${name}.log`)));
    };
    const etcd = `http://127.0.0.1:${etcdPort}`;
    const peer = `http://127.0.0.1:${peerPort}`;
    run('etcd', assets.etcd, [
      `--data-dir=${join(folder, 'etcd')}`,
      `--listen-client-urls=${etcd}`,
      `--advertise-client-urls=${etcd}`,
      `--listen-peer-urls=${peer}`,
      `--initial-advertise-peer-urls=${peer}`,
      `--initial-cluster=default=${peer}`,
      ...(options.durable === true ? [] : ['--unsafe-no-fsync']),
    ]);
    const serve = (): void =>
      run('kube-apiserver', assets['kube-apiserver'], [
        `--etcd-servers=${etcd}`,
        '--bind-address=127.0.0.1',
        '--advertise-address=127.0.0.1',
        '--endpoint-reconciler-type=none',
        `--secure-port=${port}`,
        '--anonymous-auth=false',
        '--authorization-mode=RBAC',
        `--client-ca-file=${files.ca}`,
        `--tls-cert-file=${files.serverCert}`,
        `--tls-private-key-file=${files.serverKey}`,
        `--service-account-key-file=${files.serverCert}`,
        `--service-account-signing-key-file=${files.serverKey}`,
        '--service-account-issuer=https://kubernetes.default.svc',
        '--service-cluster-ip-range=10.96.0.0/16',
        // It asks for an account that only a controller of its own makes.
        '--disable-admission-plugins=ServiceAccount',
        ...flags,
      ]);
    const endpoint: Endpoint = { host: '127.0.0.1', port, agent };
    serve();
    await ready(endpoint, [...children.values()], folder);
    const url = `https://127.0.0.1:${port}`;
    const kubeconfig = await writeKubeconfig(folder, identity, url);
    run('kube-controller-manager', assets['kube-controller-manager'], [
      `--kubeconfig=${kubeconfig}`,
      '--controllers=garbage-collector-controller,namespace-controller',
      '--leader-elect=false',
      '--bind-address=127.0.0.1',
      `--secure-port=${metricsPort}`,
    ]);
    const restart = async (): Promise<void> => {
      const before = children.get('kube-apiserver');
      if (before) await kill(before);
      serve();
      await ready(endpoint, [...children.values()], folder);
    };
    return {
      kind: 'real',
      title: `Kubernetes ${assets.version}`,
      endpoint,
      url,
      identity,
      folder,
      kubeconfig,
      connection: { server: url, caPem: identity.caPem, ...identity.admin },
      forget: async () => {
        await compact(etcd);
        // It keeps copies of what etcd has forgotten.
        await restart();
      },
      restart,
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Makes all older revisions of etcd unreadable, through its JSON gateway. */
async function compact(etcd: string): Promise<void> {
  const ask = async (path: string, body: object): Promise<unknown> => {
    const answer = await fetch(`${etcd}/v3/kv/${path}`, { method: 'POST', body: JSON.stringify(body) });
    if (!answer.ok) throw new Error(`etcd: ${path}: ${await answer.text()}`);
    return await answer.json();
  };
  const found = (await ask('range', { key: Buffer.from('/').toString('base64') })) as {
    readonly header: { readonly revision: string };
  };
  await ask('compaction', { revision: found.header.revision, physical: true });
}

/** Dies with us, also where we are killed. */
function start(program: string, args: readonly string[], log: string): ChildProcess {
  const output = openSync(log, 'w', 0o600);
  try {
    return spawn('setpriv', ['--pdeathsig', 'KILL', program, ...args], { stdio: ['ignore', output, output] });
  } finally {
    closeSync(output);
  }
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
}

async function freePorts(count: number): Promise<readonly number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'));
  await Promise.all(servers.map(async (server) => await once(server, 'listening')));
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

async function ready(endpoint: Endpoint, children: readonly ChildProcess[], folder: string): Promise<void> {
  const ended = new AbortController();
  for (const child of children) {
    child.once('exit', () => {
      const said = readFileSync(join(folder, 'kube-apiserver.log'), 'utf8').slice(-2_000);
      ended.abort(new Error(`a program of the control plane ended; the API server said last:\n${said}`));
    });
  }
  await waitFor('the API server of Kubernetes', () => isReady(endpoint), {
    signal: ended.signal,
    timeoutMs: 100_000,
    intervalMs: 100,
  });
}

function isReady({ host, port, agent }: Endpoint): Promise<true | undefined> {
  return new Promise((resolve) => {
    const asked = request({ host, port, agent, path: '/readyz' }, (response) => {
      response.resume();
      response.on('end', () => resolve(response.statusCode === 200 ? true : undefined));
    });
    // Refused until it listens.
    asked.on('error', () => resolve(undefined));
    asked.end();
  });
}

async function writeFiles(folder: string, identity: Identity) {
  const write = async (name: string, text: string): Promise<string> => {
    await writeFile(join(folder, name), text, { mode: 0o600 });
    return join(folder, name);
  };
  return {
    ca: await write('ca.crt', identity.caPem),
    serverCert: await write('server.crt', identity.serving.certPem),
    serverKey: await write('server.key', identity.serving.keyPem),
  };
}

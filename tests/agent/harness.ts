/**
 * Agents and engines as real processes, without a Kubernetes around them: the harness makes what the operator and the node
 * runtime would (certificates, folders, environment) and starts the bundled agent as an ordinary user.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { createHash, createHmac, pbkdf2Sync, randomBytes, randomInt } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import { chmod, chown, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { get } from 'node:https';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { waitFor } from '@polarstack/base';
import {
  type AgentClient,
  type AgentTask,
  type Bootstrap,
  createAgentClient,
  type DatabaseRole,
  podEnv,
  podPaths,
  slotName,
  type Term,
} from '@polarstack/contracts';
import { createAuthority, issueCertificate, type KeyPair } from '@polarstack/pki';
import { missing } from '@polarstack/testkit';
import { build } from 'esbuild';
import { test as base } from 'vitest';

export const signal = new AbortController().signal;
/** For tests that need a whole PostgreSQL; skipped, saying so, where there is none. */
export const test = base.skipIf(missing('postgres'));

/** The newest installation that can do all an agent may ask of it. */
export function newestServer(): string {
  const folder = '/usr/lib/postgresql';
  const majors = existsSync(folder) ? readdirSync(folder).map(Number) : [];
  const newest = majors
    .sort((a, b) => b - a)
    .map((major) => `${folder}/${major}/bin`)
    .find((bin) => existsSync(join(bin, 'pg_rewind')) && existsSync(join(bin, 'initdb')));
  return newest ?? join(folder, 'none');
}

const root = join(import.meta.dirname, '../..');

/** Whom to run agents and engines as: PostgreSQL refuses root. */
async function ordinaryUser(): Promise<{ readonly uid?: number; readonly gid?: number }> {
  if (process.getuid?.() !== 0) return {};
  const passwd = (await readFile('/etc/passwd', 'utf8')).split('\n').map((line) => line.split(':'));
  const [, , uid, gid] =
    passwd.find(([name]) => name === 'postgres') ?? passwd.find(([name]) => name === 'nobody') ?? [];
  return { uid: Number(uid), gid: Number(gid) };
}

/** The agent as one file, as it is shipped. */
export async function bundleAgent(folder: string): Promise<string> {
  const outfile = join(folder, 'agent.mjs');
  await build({
    entryPoints: [join(root, 'apps/agent/src/main.ts')],
    outfile,
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'esm',
    external: ['pg-native'],
    banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
  });
  return outfile;
}

export async function freePort(host = HOST): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, host, resolve);
  });
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address ? address.port : 0;
}

export function scramVerifier(password: string): string {
  const salt = randomBytes(16);
  const salted = pbkdf2Sync(password, salt, 4096, 32, 'sha256');
  const key = (name: string): Buffer => createHmac('sha256', salted).update(name).digest();
  const stored = createHash('sha256').update(key('Client Key')).digest('base64');
  return `SCRAM-SHA-256$4096:${salt.toString('base64')}$${stored}:${key('Server Key').toString('base64')}`;
}

export interface TestPod {
  readonly name: string;
  readonly instanceId: string;
  readonly enginePort: number;
  readonly agentPort: number;
  readonly dataDir: string;
  readonly rootDir: string;
  readonly runDir: string;
  readonly client: AgentClient;
  /** The agent's process; undefined once it is gone. */
  agent: ChildProcess | undefined;
  output(): string;
  start(): Promise<void>;
  /** A client in another role, or with another authority's certificate. */
  clientAs(commonName: string, authority?: KeyPair): Promise<AgentClient>;
  /** Waits for the agent to answer. */
  reachable(): Promise<void>;
  enginePid(): Promise<number>;
}

interface PodOptions {
  readonly bin?: string;
  /** How many files the agent and its engine may open each. */
  readonly descriptors?: number;
}

export interface TestCluster {
  readonly folder: string;
  readonly authority: KeyPair;
  pod(instanceId: string, options?: PodOptions): Promise<TestPod>;
  close(): Promise<void>;
}

/**
 * A loopback address of this run's own: outgoing connections come from 127.0.0.1 and could take a port there between its
 * choice and its use.
 */
export const HOST = `127.${randomInt(64, 127)}.${randomInt(0, 256)}.${randomInt(1, 255)}`;

/** A folder, an authority and the bundle: what the pods of one test share. */
export async function createTestCluster(): Promise<TestCluster> {
  const folder = await mkdtemp(join(tmpdir(), 'psa-'));
  const user = await ordinaryUser();
  const own = async (path: string): Promise<void> => {
    if (user.uid !== undefined && user.gid !== undefined) await chown(path, user.uid, user.gid);
  };
  await chmod(folder, 0o755);
  const bundle = await bundleAgent(folder);
  const authority = await createAuthority({ commonName: 'test', days: 10, now: new Date() });
  const pods: TestPod[] = [];

  const writeTls = async (path: string, pair: KeyPair): Promise<void> => {
    await mkdir(path, { recursive: true });
    for (const [name, text] of [
      ['ca.crt', authority.certPem],
      ['tls.crt', pair.certPem],
      ['tls.key', pair.keyPem],
    ] as const) {
      await writeFile(join(path, name), text, { mode: 0o600 });
      await own(join(path, name));
    }
  };

  const clientPair = async (commonName: string, by: KeyPair): Promise<KeyPair> =>
    await issueCertificate({ authority: by, commonName, usages: ['client'], days: 5, now: new Date() });
  const operator = await clientPair('operator', authority);

  const pod = async (instanceId: string, options: PodOptions = {}): Promise<TestPod> => {
    const name = `pod-${instanceId}`;
    const rootDir = join(folder, name);
    const runDir = join(folder, `r${pods.length}`, 's');
    const data = join(rootDir, podPaths.data);
    await mkdir(data, { recursive: true });
    await mkdir(runDir, { recursive: true });
    await own(data);
    await own(dirname(runDir));
    await own(runDir);
    await writeTls(
      join(rootDir, podPaths.tls),
      await issueCertificate({
        authority,
        commonName: name,
        dnsNames: [name],
        usages: ['server'],
        days: 5,
        now: new Date(),
      }),
    );
    await writeTls(join(rootDir, podPaths.replicator), await clientPair('replicator', authority));
    const [enginePort, agentPort] = [await freePort(), await freePort()];
    const env = {
      PATH: process.env.PATH,
      [podEnv.cluster]: 'c1',
      [podEnv.namespace]: 'default',
      [podEnv.pod]: name,
      [podEnv.podIP]: HOST,
      [podEnv.nodeName]: 'node-1',
      [podEnv.instanceId]: instanceId,
      [podEnv.physicalId]: `${instanceId}0`,
      [podEnv.enginePort]: String(enginePort),
      [podEnv.agentPort]: String(agentPort),
      [podEnv.engineBin]: options.bin ?? newestServer(),
      [podEnv.root]: rootDir,
      [podEnv.run]: runDir,
    };
    const connect = (pair: KeyPair): AgentClient =>
      createAgentClient({
        host: HOST,
        port: agentPort,
        serverName: name,
        caPem: authority.certPem,
        certPem: pair.certPem,
        keyPem: pair.keyPem,
      });
    const clients = [connect(operator)];
    let output = '';
    const self: TestPod = {
      name,
      instanceId,
      enginePort,
      agentPort,
      rootDir,
      runDir,
      dataDir: join(data, 'pgdata'),
      client: clients[0] as AgentClient,
      agent: undefined,
      output: () => output,
      start: async () => {
        const limit = options.descriptors === undefined ? [] : ['prlimit', `--nofile=${options.descriptors}`];
        const [program, ...args] = [...limit, process.execPath, bundle];
        const child = spawn(program, args, { cwd: '/', env, stdio: ['ignore', 'pipe', 'pipe'], ...user });
        for (const stream of [child.stdout, child.stderr])
          stream.setEncoding('utf8').on('data', (text: string) => {
            output += text;
          });
        child.once('exit', () => {
          if (self.agent === child) self.agent = undefined;
        });
        self.agent = child;
        await self.reachable();
      },
      reachable: async () => {
        await waitFor(
          `the agent of ${name}`,
          async () => {
            if (self.agent === undefined) throw new Error(`it ended: ${output}`);
            return await self.client.status();
          },
          { signal, timeoutMs: 20_000, intervalMs: 10 },
        );
      },
      clientAs: async (commonName, by = authority) => {
        const client = connect(await clientPair(commonName, by));
        clients.push(client);
        return client;
      },
      enginePid: async () => {
        const { pid } = (await self.client.status()).engine;
        if (pid === undefined) throw new Error('the engine does not run');
        return pid;
      },
    };
    pods.push(self);
    return self;
  };

  const close = async (): Promise<void> => {
    for (const one of pods) {
      one.client.close();
      const child = one.agent;
      if (child) {
        const ended = new Promise((resolve) => child.once('exit', resolve));
        child.kill('SIGTERM');
        const timer = setTimeout(() => child.kill('SIGKILL'), 30_000);
        await ended;
        clearTimeout(timer);
      }
      // An engine that a test left without its agent.
      const pid = Number((await readFile(join(one.dataDir, 'postmaster.pid'), 'utf8').catch(() => '')).split('\n')[0]);
      if (pid > 1) {
        try {
          process.kill(pid, 'SIGQUIT');
        } catch {
          // It is gone already.
        }
      }
    }
    await rm(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  };

  return { folder, authority, pod, close };
}

/** A probe, as a kubelet sends it: no client certificate, the server's not checked. */
export async function probe(
  path: string,
  of: TestPod,
  client: { readonly cert?: string; readonly key?: string } = {},
): Promise<{ status?: number | undefined; body: string; serial: string }> {
  return await new Promise((resolve, reject) => {
    get({ host: HOST, port: of.agentPort, path, rejectUnauthorized: false, agent: false, ...client }, (response) => {
      let body = '';
      const serial = (response.socket as TLSSocket).getPeerCertificate().serialNumber;
      response.setEncoding('utf8').on('data', (chunk: string) => {
        body += chunk;
      });
      response.once('end', () => resolve({ status: response.statusCode, body, serial }));
    }).once('error', reject);
  });
}

export const PASSWORD = 'correct horse battery staple';

export function primaryTerm(epoch = 1): Term {
  return { epoch, role: 'primary' };
}

/** A term in which the pod follows `upstream`. */
export function replicaTerm(upstream: TestPod, self: TestPod, epoch = 1): Term {
  return {
    epoch,
    role: 'replica',
    upstream: {
      instanceId: upstream.instanceId,
      host: HOST,
      port: upstream.enginePort,
      serverName: upstream.name,
      slot: slotName(self.instanceId),
    },
  };
}

export function initdbRequest(
  slots: readonly string[] = [],
  parameters: Readonly<Record<string, string>> = {},
): Bootstrap {
  return {
    kind: 'initdb',
    term: primaryTerm(),
    config: { version: 1, parameters: { shared_buffers: '16MB', ...parameters } },
    initdb: { encoding: 'UTF8', locale: 'C.UTF-8', dataChecksums: true },
    slots,
  };
}

export function cloneRequest(upstream: TestPod, self: TestPod, slots: readonly string[] = [], epoch = 1): Bootstrap {
  return {
    kind: 'basebackup',
    term: replicaTerm(upstream, self, epoch),
    config: { version: 1, parameters: { shared_buffers: '16MB' } },
    slots,
  };
}

/** Waits for a task's end; throws its error. */
export async function finished(pod: TestPod, task: AgentTask): Promise<AgentTask> {
  const end = await waitFor(
    `task ${task.id}`,
    async () => {
      const now = await pod.client.task(task.id, { waitMs: 5_000 });
      return now.state === 'running' ? undefined : now;
    },
    { signal, timeoutMs: 60_000 },
  );
  if (end.error) throw new Error(`${end.error.code}: ${end.error.message}\n${pod.output()}`);
  return end;
}

/** A primary with what {@link provision} makes. */
export async function bootstrapPrimary(
  pod: TestPod,
  request: Bootstrap = initdbRequest(),
  roles: readonly DatabaseRole[] = [],
): Promise<void> {
  await pod.start();
  await finished(pod, await pod.client.bootstrap('create', request));
  await provision(pod, roles);
}

/** The role and the database `app` on a primary, and what other roles are wanted. */
export async function provision({ client }: TestPod, roles: readonly DatabaseRole[] = []): Promise<void> {
  await client.setRoles([{ name: 'app', verifier: scramVerifier(PASSWORD) }, ...roles]);
  await client.setDatabases([{ name: 'app', owner: 'app' }]);
}

export async function bootstrapReplica(pod: TestPod, upstream: TestPod, request?: Bootstrap): Promise<void> {
  await pod.start();
  await finished(pod, await pod.client.bootstrap('join', request ?? cloneRequest(upstream, pod)));
}

/** The two servers that are measured: ours as one process, and kube-apiserver, kube-controller-manager and etcd. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type KubeAssets, processesBelow } from '@polarstack/testkit';
import { createIdentity, startRealKube } from '@polarstack/testkit/kube-servers';
import { build } from 'esbuild';
import { connectRaw, type RawConnection, type Target } from '../lib/raw-client.ts';

export type Side = 'ours' | 'real';

export interface Contestant {
  readonly side: Side;
  connect(): Promise<RawConnection>;
  /** All of its processes. */
  pids(): readonly number[];
  /** Ends the API server and starts it again with what it stored; answers the time to the first answer in ms. */
  restart(): Promise<number>;
  stop(): Promise<void>;
}

export interface Started {
  readonly contestant: Contestant;
  /** From nothing to the first answer, in ms. */
  readonly ms: number;
}

/** One file, as the product is shipped: what is measured must not be the loading of sources. */
export async function bundleOurs(folder: string): Promise<string> {
  const outfile = join(folder, 'server.mjs');
  await build({
    entryPoints: [join(import.meta.dirname, 'server-child.ts')],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    minify: true,
    logLevel: 'error',
    banner: { js: "import{createRequire}from'node:module';const require=createRequire(import.meta.url);" },
  });
  return outfile;
}

export async function startOurs(program: string): Promise<Started> {
  const folder = await mkdtemp(join(tmpdir(), 'polarstack-bench-'));
  const identity = await createIdentity();
  await writeFile(join(folder, 'ca.crt'), identity.caPem);
  await writeFile(join(folder, 'server.crt'), identity.serving.certPem);
  await writeFile(join(folder, 'server.key'), identity.serving.keyPem, { mode: 0o600 });
  const start = async () => {
    const began = performance.now();
    const child = spawn('setpriv', ['--pdeathsig', 'KILL', process.execPath, program, folder], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
    const target: Target = { port: Number(line), caPem: identity.caPem, ...identity.admin };
    await ready(target);
    return { child, target, ms: performance.now() - began };
  };
  let running = await start();
  const end = async (): Promise<void> => {
    const ended = once(running.child, 'exit');
    running.child.kill('SIGKILL');
    await ended;
  };
  const contestant: Contestant = {
    side: 'ours',
    connect: async () => await connectRaw(running.target),
    pids: () => processesBelow(folder).map(({ pid }) => pid),
    restart: async () => {
      await end();
      running = await start();
      return running.ms;
    },
    stop: async () => {
      await end();
      await rm(folder, { recursive: true, force: true });
    },
  };
  return { contestant, ms: running.ms };
}

export async function startReal(assets: KubeAssets): Promise<Started> {
  const began = performance.now();
  const server = await startRealKube(assets, [], { durable: true });
  const ms = performance.now() - began;
  const target: Target = { port: server.endpoint.port, ...server.connection };
  const contestant: Contestant = {
    side: 'real',
    connect: async () => await connectRaw(target),
    pids: () => processesBelow(server.folder).map(({ pid }) => pid),
    restart: async () => {
      const since = performance.now();
      await server.restart();
      return performance.now() - since;
    },
    stop: async () => await server.stop(),
  };
  return { contestant, ms };
}

async function ready(target: Target): Promise<void> {
  const connection = await connectRaw(target);
  const { code, body } = await connection.request('GET', '/readyz');
  connection.close();
  if (code !== 200) throw new Error(`not ready: ${body.toString()}`);
}

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createIdentity, type Identity } from '@polarstack/testkit/kube-servers';
import { build } from 'esbuild';
import type { ChildSettings } from './server-child.ts';

/** What several children in turn have in common: a folder with the state, and who may come. */
export interface Bench {
  readonly folder: string;
  readonly identity: Identity;
  start(settings?: Partial<ChildSettings>): Promise<ApiChild>;
  /** Kills what still runs and removes the folder. */
  remove(): Promise<void>;
}

export interface ApiChild {
  readonly port: number;
  readonly pid: number;
  /** What it wrote on standard error. */
  errors(): string;
  /** Resolves with code and signal when it has ended. */
  readonly ended: Promise<readonly [number | null, string | null]>;
  kill(signal: NodeJS.Signals): void;
  /** Ends it in order; throws when it does not end well. */
  stop(): Promise<void>;
  /** Open sockets, without the pipes to us. */
  sockets(): number;
  /** Resident memory in MiB: now, and the most it ever was. */
  memory(): { readonly now: number; readonly peak: number };
}

export async function createBench(): Promise<Bench> {
  const folder = mkdtempSync(join(tmpdir(), 'polarstack-robust-'));
  const program = join(folder, 'server.mjs');
  const [identity] = await Promise.all([
    createIdentity(),
    build({
      entryPoints: [join(import.meta.dirname, 'server-child.ts')],
      outfile: program,
      bundle: true,
      platform: 'node',
      format: 'esm',
      logLevel: 'error',
      banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
    }),
  ]);
  const children = new Set<ChildProcess>();
  const start = async (settings: Partial<ChildSettings> = {}): Promise<ApiChild> => {
    const whole: ChildSettings = {
      tls: { ...identity.serving, clientCaPem: identity.caPem },
      port: 0,
      storeDir: join(folder, 'state'),
      server: {},
      ...settings,
    };
    writeFileSync(join(folder, 'settings.json'), JSON.stringify(whole), { mode: 0o600 });
    const child = spawn(process.execPath, [program, folder], { stdio: ['ignore', 'pipe', 'pipe'] });
    children.add(child);
    child.once('exit', () => children.delete(child));
    let errors = '';
    child.stderr.on('data', (chunk: Buffer) => {
      errors += chunk.toString();
    });
    const ended = once(child, 'close') as Promise<[number | null, string | null]>;
    const port = await new Promise<number>((resolve, reject) => {
      let said = '';
      child.stdout.on('data', (chunk: Buffer) => {
        said += chunk.toString();
        const found = /ready (\d+)\n/.exec(said)?.[1];
        if (found !== undefined) resolve(Number(found));
      });
      child.once('close', () => reject(new Error(`the server ended before it was ready: ${errors}`)));
    });
    const { pid = 0 } = child;
    return {
      port,
      pid,
      errors: () => errors,
      ended,
      kill: (signal) => void child.kill(signal),
      stop: async () => {
        child.kill('SIGTERM');
        const [code, signal] = await ended;
        if (code !== 0) throw new Error(`the server ended with ${code ?? signal}: ${errors.slice(-2_000)}`);
      },
      sockets: () => socketsOf(pid),
      memory: () => memoryOf(pid),
    };
  };
  return {
    folder,
    identity,
    start,
    remove: async () => {
      for (const child of children) {
        child.kill('SIGKILL');
        await once(child, 'close');
      }
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function socketsOf(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).filter((fd) => {
    try {
      return Number(fd) > 2 && readlinkSync(`/proc/${pid}/fd/${fd}`).startsWith('socket:');
    } catch {
      return false; // closed in the meantime
    }
  }).length;
}

function memoryOf(pid: number): { readonly now: number; readonly peak: number } {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const mib = (name: string): number => Math.round(Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1]) / 1024);
  return { now: mib('VmRSS'), peak: mib('VmHWM') };
}

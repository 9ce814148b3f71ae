/** The processes of this measurement, each a bundle as the product's are, and what they cost. */
import { type ChildProcess, fork } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Identity } from '@polarstack/testkit/kube-servers';
import { build } from 'esbuild';

const root = join(import.meta.dirname, '..', '..');
const programs = {
  api: 'bench/operator/api-child.ts',
  fleet: 'bench/operator/fleet-child.ts',
  operator: 'apps/operator/src/main.ts',
};

export interface Processes {
  /** Starts a program. */
  start(
    program: keyof typeof programs,
    args: readonly string[],
    env?: Readonly<Record<string, string>>,
    node?: readonly string[],
  ): ChildProcess;
  /** Kills all that still run. */
  killAll(): void;
}

export async function createProcesses(folder: string): Promise<Processes> {
  await build({
    entryPoints: Object.entries(programs).map(([out, source]) => ({ in: join(root, source), out })),
    outdir: folder,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'esm',
    logLevel: 'error',
    external: ['pg-native'],
    banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
  });
  const running = new Set<ChildProcess>();
  const killAll = (): void => {
    for (const child of running) child.kill('SIGKILL');
  };
  process.once('exit', killAll);
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => process.exit(1));
  return {
    start: (program, args, env = {}, node = []) => {
      const child = fork(join(folder, `${program}.mjs`), args, { env, execArgv: [...node] });
      running.add(child);
      child.once('exit', () => running.delete(child));
      return child;
    },
    killAll,
  };
}

/** Writes a kubeconfig for a user of that name; answers its path. */
export async function writeKubeconfig(
  folder: string,
  server: string,
  identity: Identity,
  user: string,
): Promise<string> {
  const { certPem, keyPem } = await identity.issue(user, ['system:masters']);
  const base64 = (text: string): string => Buffer.from(text).toString('base64');
  const path = join(folder, `${user}.kubeconfig`);
  // JSON is YAML.
  const content = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'it', cluster: { server, 'certificate-authority-data': base64(identity.caPem) } }],
    users: [{ name: user, user: { 'client-certificate-data': base64(certPem), 'client-key-data': base64(keyPem) } }],
    contexts: [{ name: 'it', context: { cluster: 'it', user } }],
    'current-context': 'it',
  };
  await writeFile(path, JSON.stringify(content), { mode: 0o600 });
  return path;
}

/** The next message of the child for which `pick` answers something. Fails when the child ends before. */
export async function answerOf<T>(child: ChildProcess, pick: (message: unknown) => T | undefined): Promise<T> {
  return await new Promise<T>((resolve, reject) => {
    const onExit = (code: number | null): void => reject(new Error(`${child.spawnfile} ended with ${code}`));
    const onMessage = (message: unknown): void => {
      const picked = pick(message);
      if (picked === undefined) return;
      child.off('message', onMessage);
      child.off('exit', onExit);
      resolve(picked);
    };
    child.on('message', onMessage);
    child.once('exit', onExit);
  });
}

const TICKS_PER_SECOND = 100; // USER_HZ of Linux

/** User and system time of a process so far, in seconds. */
export function cpuOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { StackError } from '@polarstack/base';
import { packageManagerEnvironment } from '../config.ts';

/** What a person types to get the server programs, by family of distribution. */
export const installCommands = {
  debian: 'sudo apt-get update && sudo apt-get install -y postgresql',
  fedora: 'sudo dnf install -y postgresql-server postgresql-contrib',
} as const;

/** True on Debian and what descends from it. */
export function isDebian(osRelease: string = readOsRelease()): boolean {
  return /^(ID|ID_LIKE)=.*\b(debian|ubuntu)\b/m.test(osRelease);
}

function readOsRelease(): string {
  try {
    return readFileSync('/etc/os-release', 'utf8');
  } catch {
    return '';
  }
}

/** The error that tells a user without the rights, or on another distribution, what to type. */
export function postgresMissing(why: string): StackError {
  const { debian, fedora } = installCommands;
  return new StackError('PostgresMissing', why, {
    remedy: `Debian or Ubuntu: ${debian}\nFedora: ${fedora}\nElsewhere install PostgreSQL 13 or later with pg_basebackup and pg_rewind, or set POLARSTACK_PG_BIN.`,
  });
}

/** Without this file the package starts a server of its own that nobody asked for. */
export function refuseMainCluster(etc = '/etc'): void {
  const folder = join(etc, 'postgresql-common');
  const file = join(folder, 'createcluster.conf');
  const before = existsSync(file) ? readFileSync(file, 'utf8') : '';
  if (/^\s*create_main_cluster\s*=\s*(false|off|no|0)/m.test(before)) return;
  mkdirSync(folder, { recursive: true });
  const kept = before.replace(/^\s*create_main_cluster\s*=.*\n?/gm, '');
  writeFileSync(file, `${kept}${kept === '' || kept.endsWith('\n') ? '' : '\n'}create_main_cluster = false\n`);
}

export interface InstallOptions {
  readonly say: (line: string) => void;
  readonly signal: AbortSignal;
  /** For tests: where settings lie, and what apt-get is given. */
  readonly etc?: string;
  readonly env?: NodeJS.ProcessEnv;
}

/** Installs Debian's server package as root; package lists are fetched only where the package is not known yet. */
export async function installOnDebian({ say, signal, etc, env }: InstallOptions): Promise<void> {
  refuseMainCluster(etc);
  const environment = packageManagerEnvironment(env);
  const apt = (...args: string[]): Promise<void> => runApt(args, environment, signal);
  const install = (): Promise<void> => {
    say('installing the package postgresql with apt-get (no server is started by it)');
    return apt('install', '-y', '--no-install-recommends', 'postgresql');
  };
  try {
    await install();
  } catch (first) {
    signal.throwIfAborted();
    say(`fetching the package lists (${(first as Error).message.split('\n')[0]})`);
    await apt('update');
    await install();
  }
}

function runApt(args: readonly string[], env: NodeJS.ProcessEnv, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn('apt-get', ['-q', ...args], { stdio: ['ignore', 'pipe', 'pipe'], env, signal });
    let tail = '';
    const keep = (chunk: Buffer): void => {
      tail = (tail + chunk.toString()).slice(-4000);
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    child.on('error', (cause) =>
      reject(new StackError('PostgresInstallFailed', `apt-get: ${cause.message}`, { cause })),
    );
    child.on('close', (code) => {
      if (code === 0) {
        resolve();
        return;
      }
      const reason = tail.split('\n').findLast((line) => line.startsWith('E:')) ?? tail.trim();
      reject(new StackError('PostgresInstallFailed', `apt-get ${args.join(' ')} ended with ${code}: ${reason}`));
    });
  });
}

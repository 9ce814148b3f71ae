import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { StackError } from '@polarstack/base';

export const SYSTEM_USER = 'polarstack';
/** The proxy has a user of its own: pods must neither read its credentials nor signal it. */
export const PROXY_USER = 'polarstack-proxy';
/** Our own pods (the cluster manager) too: what opens the API to them, and to every agent, is no business of the databases. */
export const MANAGER_USER = 'polarstack-manager';

export interface Account {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

/** Looks an account up in the machine's own user table. */
export function findAccount(name: string, table: string = readFileSync('/etc/passwd', 'utf8')): Account | undefined {
  const fields = table
    .split('\n')
    .map((line) => line.split(':'))
    .find(([user]) => user === name);
  return fields && { name, uid: Number(fields[2]), gid: Number(fields[3]) };
}

export interface SystemAccounts {
  readonly pods: Account | undefined;
  readonly proxy: Account | undefined;
  readonly manager: Account | undefined;
}

/**
 * As whom engines and agents run, the proxy, and our own pods: as root system users without rights; else we ourselves
 * (undefined).
 */
export function systemAccounts(): SystemAccounts {
  if (process.getuid?.() !== 0) return { pods: undefined, proxy: undefined, manager: undefined };
  return { pods: findAccount(SYSTEM_USER), proxy: findAccount(PROXY_USER), manager: findAccount(MANAGER_USER) };
}

/** Makes such an account where it is missing and we are root: PostgreSQL refuses root. */
export function ensureSystemUser(name = SYSTEM_USER): {
  readonly account: Account | undefined;
  readonly created: boolean;
} {
  if (process.getuid?.() !== 0) return { account: undefined, created: false };
  const present = findAccount(name);
  if (present) return { account: present, created: false };
  const made = spawnSync(
    'useradd',
    [
      '--system',
      '--user-group',
      '--no-create-home',
      '--home-dir',
      '/nonexistent',
      '--shell',
      '/usr/sbin/nologin',
      name,
    ],
    { encoding: 'utf8' },
  );
  const account = findAccount(name);
  if (account) return { account, created: true };
  throw new StackError('SystemUserMissing', `useradd: ${made.stderr || (made.error?.message ?? made.status)}`, {
    cause: made.error,
  });
}

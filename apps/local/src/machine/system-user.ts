import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { StackError } from '@polarstack/base';

export const SYSTEM_USER = 'polarstack';

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

/**
 * As whom engines, agents and the proxy run: as root a system user without rights, made if missing, since PostgreSQL
 * refuses root; as anyone else that user itself (undefined).
 */
export function ensureSystemUser(): { readonly account: Account | undefined; readonly created: boolean } {
  if (process.getuid?.() !== 0) return { account: undefined, created: false };
  const present = findAccount(SYSTEM_USER);
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
      SYSTEM_USER,
    ],
    { encoding: 'utf8' },
  );
  const account = findAccount(SYSTEM_USER);
  if (account) return { account, created: true };
  throw new StackError('SystemUserMissing', `useradd: ${made.stderr || (made.error?.message ?? made.status)}`, {
    cause: made.error,
  });
}

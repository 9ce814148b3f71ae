import type { DatabaseRole } from '@polarstack/contracts';
import type { Secret } from 'kubernetes-types/core/v1.js';
import { secretValue } from '../objects/secret.ts';
import { scramVerifier } from './scram.ts';

/** Keys of an account's Secret. Source: the original, spelling included. */
export const accountKeys = { account: 'Account', password: 'Password', privilege: 'Priviledge_type' } as const;

/** Privilege codes of the two accounts that every cluster has. Source: facts of the original §5.6. */
export const systemAccounts = { aurora: '7', replicator: '15' } as const;

/** What a privilege code means in PostgreSQL. The replicator replicates and is no superuser. */
function powers(code: string): Omit<DatabaseRole, 'name' | 'verifier'> {
  switch (code) {
    case '7':
      return { superuser: true };
    case '15':
    case '6':
      return { replication: true };
    case '1':
      return { createdb: true, createrole: true };
    default:
      return {};
  }
}

export interface Account {
  readonly name: string;
  readonly password: string;
  readonly privilege: string;
}

/** The account in a Secret; undefined where the Secret holds none. */
export function accountOf(secret: Secret): Account | undefined {
  const name = secretValue(secret, accountKeys.account);
  const password = secretValue(secret, accountKeys.password);
  const privilege = secretValue(secret, accountKeys.privilege);
  if (!name || !password || privilege === undefined) return undefined;
  return { name, password, privilege };
}

/** The role that an engine gets for an account: its verifier, never its password. */
export async function roleOf({ name, password, privilege }: Account): Promise<DatabaseRole> {
  return { name, verifier: await scramVerifier(password), ...powers(privilege) };
}

import { readFile } from 'node:fs/promises';
import { type Clock, StackError, systemClock } from '@polarstack/base';
import type { CredentialSource } from './connection.ts';

/** How long a token read from a file is used before the file is read again. */
const REREAD_MS = 60_000;

/** A bearer token that somebody else keeps fresh in a file. */
export function tokenFileSource(path: string, clock: Clock = systemClock): CredentialSource {
  let last: { readonly token: string; readonly readAt: number } | undefined;
  return async ({ renew }) => {
    if (!renew && last !== undefined && clock.monotonic() - last.readAt < REREAD_MS) return { token: last.token };
    try {
      last = { token: (await readFile(path, 'utf8')).trim(), readAt: clock.monotonic() };
      return { token: last.token };
    } catch (error) {
      throw new StackError('KubeconfigInvalid', `cannot read the token file ${path}`, { cause: error });
    }
  };
}

import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { type Clock, StackError, systemClock } from '@polarstack/base';
import type { CredentialSource } from './connection.ts';

/** How long a pair read from files is used before the files are read again. */
const REREAD_MS = 60_000;

/**
 * A client certificate and its key that somebody else renews in two files. They are replaced one after the other, so a
 * pair that does not fit is not used as long as there is an older one.
 */
export function certificateFilesSource(
  certPath: string,
  keyPath: string,
  clock: Clock = systemClock,
): CredentialSource {
  let last: { readonly certPem: string; readonly keyPem: string; readonly readAt: number } | undefined;
  const read = async (path: string): Promise<string> => {
    try {
      return await readFile(path, 'utf8');
    } catch (error) {
      throw new StackError('KubeconfigInvalid', `cannot read the client certificate or key ${path}`, { cause: error });
    }
  };
  return async ({ renew }) => {
    if (last === undefined || renew || clock.monotonic() - last.readAt >= REREAD_MS) {
      const [certPem, keyPem] = await Promise.all([read(certPath), read(keyPath)]);
      if (fits(certPem, keyPem)) last = { certPem, keyPem, readAt: clock.monotonic() };
      else if (last === undefined) {
        throw new StackError(
          'KubeconfigInvalid',
          `the client certificate ${certPath} and the key ${keyPath} do not fit`,
        );
      }
    }
    return { certPem: last.certPem, keyPem: last.keyPem };
  };
}

function fits(certPem: string, keyPem: string): boolean {
  try {
    return new X509Certificate(certPem).checkPrivateKey(createPrivateKey(keyPem));
  } catch {
    // Half written, or no PEM at all: not a pair.
    return false;
  }
}

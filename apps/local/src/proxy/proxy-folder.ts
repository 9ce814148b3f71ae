import { chmodSync, lchownSync, lstatSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Account } from '../machine/system-user.ts';

/** The files of the proxy's own folder `<home>/proxy`, which it alone reads and writes. */
export const proxyFiles = (folder: string) =>
  ({
    routes: join(folder, 'routes.json'),
    log: join(folder, 'proxy.log'),
  }) as const;

/**
 * Makes the folder, closed to all but the proxy's user. One that is somebody else's (the first releases gave it to the
 * pods' user) is made anew: nothing that another has put there is trusted, nor written to.
 */
export function ensureProxyFolder(folder: string, account: Account | undefined): void {
  const uid = account?.uid ?? process.getuid?.() ?? 0;
  const present = lstatSync(folder, { throwIfNoEntry: false });
  if (present?.isDirectory() && present.uid === uid) {
    chmodSync(folder, 0o700);
    return;
  }
  if (present?.isDirectory()) {
    // Taken away from its owner first, who could otherwise swap what is being removed.
    lchownSync(folder, process.getuid?.() ?? 0, process.getgid?.() ?? 0);
    chmodSync(folder, 0o700);
  }
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { mode: 0o700 });
  if (account) lchownSync(folder, account.uid, account.gid);
}

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { writeFileAtomic } from '../machine/atomic-file.ts';
import type { Home } from './home.ts';

/** Where a cluster's authority is kept for clients that verify the server. */
export function authorityFile(home: Home, namespace: string, cluster: string): string {
  return join(home.authorities, `${namespace}.${cluster}.crt`);
}

/** Keeps the certificate (PEM) there; anybody may read it. */
export function writeAuthority(home: Home, namespace: string, cluster: string, caPem: string): void {
  mkdirSync(home.authorities, { recursive: true, mode: 0o755 });
  writeFileAtomic(authorityFile(home, namespace, cluster), caPem, { mode: 0o644 });
}

import { basename } from 'node:path';
import type { ImageSpec, NodeSpec, RuntimeUser } from '@polarstack/node-runtime';

/** As root, containers run as somebody else: `nobody` is on every machine. */
export const testUser: RuntimeUser | undefined =
  process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534, name: 'nobody' } : undefined;

/** Short, and another one for each home. */
export const testRunBase = (home: string): string => `/tmp/psnr-${basename(home).slice(-6)}`;

export const testNodes = (block: number): readonly NodeSpec[] =>
  [1, 2, 3].map((i) => ({
    name: `node-${i}`,
    address: `127.${block}.0.${10 + i}`,
    podAddress: (x) => `127.${block}.${10 + i}.${x}`,
  }));

export const POSTGRES_BIN = '/usr/lib/postgresql/15/bin';

export const testImages: readonly ImageSpec[] = [
  { name: 'host', env: {}, pathDirs: [], sizeBytes: 0 },
  { name: 'polarstack/postgres:15', env: {}, pathDirs: [POSTGRES_BIN], sizeBytes: 1000 },
];

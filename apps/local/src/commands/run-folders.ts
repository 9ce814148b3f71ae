import { existsSync, readdirSync, readFileSync, rmdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Home } from '../home/home.ts';

/**
 * Where sockets of pods lie, outside of the home since their paths must be short. The record that names the folder can
 * be written by the pods' user and is read by root, so only a name that the node runtime itself would choose counts.
 */
const RUN_FOLDER = /^\/tmp\/polarstack-\d+\/[0-9a-f]{8,32}$/;

/** Removes the folders for sockets of all pods of a home, before the records that name them are gone. */
export function removeRunFolders(home: Home): void {
  const parents = new Set<string>();
  for (const folder of podFolders(home)) {
    const path = runFolderOf(join(folder, 'pod.json'));
    if (path === undefined) continue;
    rmSync(path, { recursive: true, force: true });
    parents.add(dirname(path));
  }
  for (const parent of parents) {
    try {
      rmdirSync(parent);
    } catch {
      // Pods of other homes have folders there too; or nobody's were left.
    }
  }
}

function podFolders(home: Home): readonly string[] {
  return list(home.nodes).flatMap((node) => list(join(node, 'pods')));
}

function list(folder: string): readonly string[] {
  return existsSync(folder) ? readdirSync(folder).map((name) => join(folder, name)) : [];
}

function runFolderOf(record: string): string | undefined {
  if (!existsSync(record)) return undefined;
  try {
    const { runFolder } = JSON.parse(readFileSync(record, 'utf8')) as { readonly runFolder?: unknown };
    return typeof runFolder === 'string' && RUN_FOLDER.test(runFolder) ? runFolder : undefined;
  } catch {
    return undefined; // A record that cannot be read names nothing.
  }
}

/**
 * The code that a home runs: each build that `up` starts is copied to `versions/<build>/` and run from there, so that
 * a rebuild or a removed checkout takes nothing away from processes that live for months.
 */
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { findProcesses } from '../machine/process-identity.ts';
import { closedToOthers } from '../machine/reach.ts';
import { type Build, type BundleName, bundleNames } from './build.ts';
import type { Home } from './home.ts';

export interface InstalledVersion {
  readonly build: Build;
  readonly folder: string;
  /** Folder of the programs `polarstack-agent`, `polarstack-proxy`, `polarstack-control` and `polarstack`. */
  readonly bin: string;
}

/**
 * V8 otherwise lets the heap of a process that does next to nothing grow to what the machine has. The small young
 * generation is collected more often, which such a process never notices.
 */
const heapFlags: Readonly<Record<BundleName, readonly string[]>> = {
  agent: ['--max-semi-space-size=1', '--max-old-space-size=96'],
  proxy: ['--max-semi-space-size=2', '--max-old-space-size=128'],
  'cluster-manager': ['--max-semi-space-size=2', '--max-old-space-size=256'],
  control: [],
  cli: [],
};

const programName = (bundle: BundleName): string => (bundle === 'cli' ? 'polarstack' : `polarstack-${bundle}`);

/** Copies `build` into the home unless it is there. `asOther`: its programs are run by a user without rights. */
export function installVersion(
  home: Home,
  build: Build,
  options: { readonly asOther: boolean; readonly node?: string },
): InstalledVersion {
  const folder = join(home.versions, build.id);
  const version = { build, folder, bin: join(folder, 'bin') };
  if (existsSync(folder)) return version;
  const work = `${folder}.${process.pid}.tmp`;
  rmSync(work, { recursive: true, force: true });
  mkdirSync(join(work, 'bin'), { recursive: true, mode: 0o755 });
  for (const name of bundleNames) copyFileSync(join(build.folder, `${name}.mjs`), join(work, `${name}.mjs`));
  copyFileSync(join(build.folder, 'build.json'), join(work, 'build.json'));
  cpSync(join(build.folder, 'manifests'), join(work, 'manifests'), { recursive: true });
  const node = placeNode(options.node ?? process.execPath, options.asOther, work, folder);
  for (const name of bundleNames) {
    const words = [node, ...heapFlags[name], join(folder, `${name}.mjs`)].map(quote);
    const file = join(work, 'bin', programName(name));
    writeFileSync(file, `#!/bin/sh\nexec ${words.join(' ')} "$@"\n`);
    chmodSync(file, 0o755);
  }
  renameSync(work, folder);
  return version;
}

/** A node that lies in a closed folder (root's home, with some version managers) is copied: others must run it. */
function placeNode(node: string, asOther: boolean, work: string, folder: string): string {
  if (!asOther || closedToOthers(node) === undefined) return node;
  copyFileSync(node, join(work, 'bin', 'node'));
  chmodSync(join(work, 'bin', 'node'), 0o755);
  return join(folder, 'bin', 'node');
}

const quote = (word: string): string => `'${word.replaceAll("'", `'\\''`)}'`;

/** Removes the builds that no process runs and that are not `current`; answers their ids. */
export function pruneVersions(home: Home, current: string): readonly string[] {
  if (!existsSync(home.versions)) return [];
  const others = readdirSync(home.versions).filter((id) => id !== current);
  if (others.length === 0) return [];
  const commands = findProcesses(({ command }) => command.includes(home.versions)).map(({ command }) => command);
  const unused = others.filter((id) => !commands.some((command) => command.includes(`${join(home.versions, id)}/`)));
  for (const id of unused) rmSync(join(home.versions, id), { recursive: true, force: true });
  return unused;
}

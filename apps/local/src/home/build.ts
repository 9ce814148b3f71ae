import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { StackError } from '@polarstack/base';
import { findCheckout } from './home.ts';

declare const __POLARSTACK_BUILD__: string | undefined;

export const bundleNames = ['cli', 'control', 'proxy', 'agent', 'cluster-manager'] as const;
export type BundleName = (typeof bundleNames)[number];

/** What `scripts/build.mjs` made: the folder of the bundles, and hashes that tell whether code differs. */
export interface Build {
  readonly folder: string;
  /** Hash of all sources. */
  readonly id: string;
  /** The release, from package.json. */
  readonly version: string;
  /** Hash of each bundle: a process need not be replaced while its own stays the same. */
  readonly bundles: Readonly<Record<BundleName, string>>;
}

/** The id of the build that this very program came from; `source` where it runs unbundled, as in tests. */
export const ownBuildId: string = typeof __POLARSTACK_BUILD__ === 'undefined' ? 'source' : __POLARSTACK_BUILD__;

/** The build beside this program, or the newest one of the checkout where the program runs from its sources. */
export function findBuild(): Build {
  const beside = dirname(fileURLToPath(import.meta.url));
  if (existsSync(join(beside, 'build.json'))) return readBuild(beside);
  const checkout = findCheckout(beside);
  if (checkout === undefined) throw new StackError('Internal', `no build lies beside ${beside}`);
  return readBuild(join(checkout, 'dist'));
}

function readBuild(folder: string): Build {
  const file = join(folder, 'build.json');
  try {
    const { build, version, bundles } = JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>;
    return { folder, id: String(build), version: String(version), bundles: bundles as Build['bundles'] };
  } catch (cause) {
    throw new StackError('Internal', `${file} cannot be read`, { cause, remedy: 'Build again: npm run build.' });
  }
}

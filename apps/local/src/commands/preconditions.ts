import { existsSync } from 'node:fs';
import { StackError } from '@polarstack/base';
import type { LocalSettings } from '../config.ts';
import type { Home } from '../home/home.ts';
import { closedToOthers } from '../machine/reach.ts';
import { type Discovery, discoverPostgres } from '../postgres/discovery.ts';
import { installOnDebian, isDebian, postgresMissing } from '../postgres/install.ts';

export const isRoot = (): boolean => process.getuid?.() === 0;

export function mustBeLinux(platform: string = process.platform): void {
  if (platform !== 'linux') throw new StackError('UnsupportedPlatform', `this is ${platform}`);
}

/** As root the engines run as a system user, which must be able to enter the home. */
export function mustBeReachable(home: Home): void {
  const closed = isRoot() ? closedToOthers(home.root) : undefined;
  if (closed !== undefined) throw new StackError('HomeNotReachable', `${closed} is closed to other users`);
}

/** The PostgreSQL programs of this machine, installed first where that can be done and nothing usable is there. */
export async function ensurePostgres(
  settings: LocalSettings,
  say: (line: string) => void,
  signal: AbortSignal,
): Promise<Discovery> {
  const search = { named: settings.pgBin, path: settings.path, asOther: isRoot() };
  const first = await discoverPostgres(search);
  if (first.found.length > 0) return first;
  if (!isRoot() || !isDebian() || !existsSync('/usr/bin/apt-get')) throw postgresMissing(describeMissing(first));
  await installOnDebian({ say, signal });
  const second = await discoverPostgres(search);
  if (second.found.length > 0) return second;
  throw new StackError('PostgresInstallFailed', `installed, but still: ${describeMissing(second)}`);
}

function describeMissing({ rejected }: Discovery): string {
  if (rejected.length === 0) return 'no PostgreSQL server programs were found';
  return `no usable PostgreSQL: ${rejected.map(({ bin, reason }) => `${bin} ${reason}`).join('; ')}`;
}

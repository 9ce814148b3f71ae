import { join } from 'node:path';
import type { Configuration } from '../driver.ts';
import { readIfThere, removeDurably, writeAllDurably, writeDurably } from '../durable-file.ts';
import type { Layout } from './layout.ts';
import { renderHba, renderIdent, renderSettings, withInclude, withoutOwned } from './settings.ts';

/** Writes everything that configures the engine into `folder` (a data folder, finished or in the making). */
export async function writeConfigFiles(folder: string, layout: Layout, configuration: Configuration): Promise<void> {
  const main = await readIfThere(join(folder, 'postgresql.conf'));
  const auto = await readIfThere(join(folder, 'postgresql.auto.conf'));
  await writeAllDurably(folder, {
    'polarstack.conf': renderSettings(layout, configuration),
    'pg_hba.conf': renderHba(),
    'pg_ident.conf': renderIdent(layout.osUser),
    'postgresql.conf': withInclude(main ?? ''),
    ...(auto === undefined ? {} : { 'postgresql.auto.conf': withoutOwned(auto) }),
  });
}

/** `standby.signal` decides whether a start is a replica's. */
export async function setStandbySignal(folder: string, standby: boolean): Promise<void> {
  const path = join(folder, 'standby.signal');
  if (standby) await writeDurably(path, '');
  else await removeDurably(path);
}

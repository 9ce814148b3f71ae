import { join } from 'node:path';
import type { Configuration } from '../driver.ts';
import { readIfThere, removeDurably, writeDurably } from '../durable-file.ts';
import type { Layout } from './layout.ts';
import { renderHba, renderIdent, renderSettings, withInclude, withoutOwned } from './settings.ts';

/** Writes everything that configures the engine into `folder` (a data folder, finished or in the making). */
export async function writeConfigFiles(folder: string, layout: Layout, configuration: Configuration): Promise<void> {
  await writeDurably(join(folder, 'polarstack.conf'), renderSettings(layout, configuration));
  await writeDurably(join(folder, 'pg_hba.conf'), renderHba());
  await writeDurably(join(folder, 'pg_ident.conf'), renderIdent(layout.osUser));
  const main = await readIfThere(join(folder, 'postgresql.conf'));
  await writeDurably(join(folder, 'postgresql.conf'), withInclude(main ?? ''));
  const auto = await readIfThere(join(folder, 'postgresql.auto.conf'));
  if (auto !== undefined) await writeDurably(join(folder, 'postgresql.auto.conf'), withoutOwned(auto));
}

/** `standby.signal` decides whether a start is a replica's. */
export async function setStandbySignal(folder: string, standby: boolean): Promise<void> {
  const path = join(folder, 'standby.signal');
  if (standby) await writeDurably(path, '');
  else await removeDurably(path);
}

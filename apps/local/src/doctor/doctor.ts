import { isStackError, systemClock } from '@polarstack/base';
import { type LocalSettings, readLocalSettings } from '../config.ts';
import type { Home } from '../home/home.ts';
import { readHomeRecord } from '../home/home-record.ts';
import type { Finding } from './finding.ts';
import { checkHome } from './home-checks.ts';
import {
  checkDisk,
  checkLoopback,
  checkNode,
  checkOpenFiles,
  checkPlatform,
  checkPostgres,
  checkPrograms,
  checkUser,
} from './machine-checks.ts';

/** Looks at this machine and at a home, and changes nothing. */
export async function examine(home: Home): Promise<readonly Finding[]> {
  const platform = checkPlatform();
  // Everything else asks Linux.
  if (platform.state !== 'ok') return [platform];
  const settings = withRemembered(readLocalSettings(), home);
  return [
    platform,
    checkNode(),
    await checkPostgres(settings),
    ...checkPrograms(settings),
    checkUser(),
    await checkLoopback(),
    checkOpenFiles(),
    await checkDisk(home),
    ...(await checkHome(home, systemClock.now())),
  ];
}

/** As `up` does: the folder of PostgreSQL programs that was named last counts until another is. */
function withRemembered(settings: LocalSettings, home: Home): LocalSettings {
  if (settings.pgBin !== undefined) return settings;
  try {
    return { ...settings, pgBin: readHomeRecord(home).pgBin };
  } catch (error) {
    if (isStackError(error)) return settings; // no home yet, or one with a check of its own
    throw error;
  }
}

import { systemClock } from '@polarstack/base';
import { readLocalSettings } from '../config.ts';
import type { Home } from '../home/home.ts';
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
  const settings = readLocalSettings();
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

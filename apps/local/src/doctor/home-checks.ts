/** Checks of one home: whether it can run, whether it does, and whether what it has stored is whole. */
import { X509Certificate } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isStackError } from '@polarstack/base';
import { homeProcesses, programOf } from '../commands/home-processes.ts';
import { mustBeReachable } from '../commands/preconditions.ts';
import { runningControl } from '../control/control-state.ts';
import { readProxyState } from '../control/proxy-supervisor.ts';
import { API_PORT, apiAddress, canListen, describeListener } from '../home/block.ts';
import type { Home } from '../home/home.ts';
import { claimFolder, readHomeRecord } from '../home/home-record.ts';
import { isProcessAlive } from '../machine/process-identity.ts';
import { type Finding, failed, ok, warning } from './finding.ts';

const START = 'polarstack up';

export async function checkHome(home: Home, now: Date): Promise<readonly Finding[]> {
  const folder = checkFolder(home);
  if (folder.state === 'failed' || !existsSync(home.record)) return [folder];
  return [
    folder,
    checkClock(home, now),
    await checkState(home),
    await checkControl(home),
    checkProxy(home),
    checkManager(home),
  ];
}

function checkFolder(home: Home): Finding {
  try {
    if (!existsSync(home.root)) return ok('data folder', `${home.root} is made by the first \`${START}\``);
    claimFolder(home);
    mustBeReachable(home);
    return ok('data folder', home.root);
  } catch (error) {
    if (isStackError(error)) return failed('data folder', error.message, error.remedy);
    throw error;
  }
}

function checkClock(home: Home, now: Date): Finding {
  const file = join(home.pki, 'server.crt');
  if (!existsSync(file)) return ok('certificates', 'made by the next start');
  const { validFrom, validTo } = new X509Certificate(readFileSync(file));
  const [from, to] = [new Date(validFrom), new Date(validTo)];
  if (now < from) {
    return failed(
      'certificates',
      `the clock is before their beginning, ${from.toISOString()}`,
      'timedatectl set-ntp true',
    );
  }
  return now > to
    ? failed('certificates', `ended at ${to.toISOString()}`, 'polarstack down && polarstack up')
    : ok('certificates', `good until ${to.toISOString()}`);
}

async function checkState(home: Home): Promise<Finding> {
  // Loaded here alone: every other command that loads this module does without the server's code.
  const { inspect } = await import('@polarstack/kube-server');
  const { exists, objects, revision, problems, bytes } = await inspect(home.api);
  if (!exists) return ok('state', 'nothing stored yet');
  const damage = problems.find(({ severity }) => severity === 'damage');
  if (damage) {
    const where = damage.file === undefined ? '' : ` (${damage.file})`;
    return failed('state', `${damage.message}${where}`, damage.remedy ?? 'polarstack doctor --repair');
  }
  const size = `${objects} objects at revision ${revision}, ${(bytes / 1024 ** 2).toFixed(1)} MiB`;
  const [notice] = problems;
  return ok('state', notice === undefined ? size : `${size}; ${notice.message}`);
}

async function checkControl(home: Home): Promise<Finding> {
  const control = runningControl(home);
  if (control) return ok('control process', `pid ${control.pid}, ${control.url}`);
  const { block } = readHomeRecord(home);
  if (block !== undefined && !(await canListen(apiAddress(block), API_PORT))) {
    const who = describeListener(apiAddress(block), API_PORT);
    return failed(
      'control process',
      `its address ${apiAddress(block)}:${API_PORT} is taken by ${who}`,
      'Stop that program.',
    );
  }
  return warning('control process', 'does not run', START);
}

/** Without it everything runs on, but nobody becomes primary in another's place. */
function checkManager(home: Home): Finding {
  const manager = homeProcesses(home).find((process) => /\/cluster-manager\.mjs$/.test(programOf(home, process) ?? ''));
  if (manager) return ok('cluster manager', `pid ${manager.pid}`);
  return warning('cluster manager', 'does not run', START);
}

function checkProxy(home: Home): Finding {
  const proxy = readProxyState(home.proxyState);
  if (proxy && isProcessAlive(proxy)) return ok('proxy', `pid ${proxy.pid}`);
  return warning('proxy', 'does not run', START);
}

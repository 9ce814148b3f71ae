/** Checks of the machine: what a home needs of it, whether there is one or not. */
import { accessSync, constants, existsSync, readFileSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { isStackError } from '@polarstack/base';
import { isRoot } from '../commands/preconditions.ts';
import type { LocalSettings } from '../config.ts';
import { canListen } from '../home/block.ts';
import type { Home } from '../home/home.ts';
import { findAccount, SYSTEM_USER } from '../machine/system-user.ts';
import { discoverPostgres } from '../postgres/discovery.ts';
import { installCommands, isDebian } from '../postgres/install.ts';
import { type Finding, failed, ok, warning } from './finding.ts';

const OLDEST_NODE = [20, 19] as const;
/** A new cluster of three takes some 150 MB; its log grows to max_wal_size (1 GB by default) for each instance. */
const WANTED_BYTES = 4 * 1024 ** 3;
const NEEDED_BYTES = 512 * 1024 ** 2;
/** The API server holds a few hundred sockets with a hundred clusters. */
const NEEDED_FILES = 1024;

export function checkPlatform(platform: string = process.platform): Finding {
  return platform === 'linux'
    ? ok('operating system', 'Linux')
    : failed('operating system', `this is ${platform}; a local home needs Linux`, 'Use a Linux machine, or WSL 2.');
}

export function checkNode(version: string = process.versions.node): Finding {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [wantedMajor, wantedMinor] = OLDEST_NODE;
  const fits = major > wantedMajor || (major === wantedMajor && minor >= wantedMinor);
  return fits
    ? ok('Node.js', version)
    : failed('Node.js', `${version} is too old`, `Install Node.js ${OLDEST_NODE.join('.')} or later.`);
}

export async function checkPostgres(settings: LocalSettings): Promise<Finding> {
  const install = isDebian() ? installCommands.debian : installCommands.fedora;
  try {
    const search = { named: settings.pgBin, path: settings.path, asOther: isRoot() };
    const { found, rejected } = await discoverPostgres(search);
    const passedOver = rejected.map(({ bin, reason }) => `${bin} ${reason}`).join('; ');
    if (found.length === 0) return failed('PostgreSQL', passedOver || 'no server programs were found', install);
    const list = found.map(({ version, bin }) => `${version} (${bin})`).join(', ');
    return ok('PostgreSQL', passedOver === '' ? list : `${list}; not used: ${passedOver}`);
  } catch (error) {
    if (isStackError(error)) return failed('PostgreSQL', error.message, error.remedy);
    throw error;
  }
}

const onPath = (program: string, path: readonly string[]): string | undefined =>
  path
    .map((folder) => join(folder, program))
    .find((file) => {
      try {
        accessSync(file, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });

export function checkPrograms({ path }: LocalSettings): readonly Finding[] {
  const flock = onPath('flock', path);
  const kubectl = onPath('kubectl', path);
  return [
    flock === undefined ? failed('flock', 'not found', 'Install the package util-linux.') : ok('flock', flock),
    kubectl === undefined
      ? warning('kubectl', 'not found; only needed if you want to use it', 'See kubernetes.io/docs/tasks/tools.')
      : ok('kubectl', kubectl),
  ];
}

export function checkUser(): Finding {
  if (!isRoot()) return ok('user', `user ${process.getuid?.()}; databases run as this user`);
  return findAccount(SYSTEM_USER)
    ? ok('user', `root; databases run as ${SYSTEM_USER}`)
    : ok('user', `root; \`polarstack up\` will make the system user ${SYSTEM_USER}, as which databases run`);
}

/** Pods and services have loopback addresses of their own; some sandboxes have 127.0.0.1 alone. */
export async function checkLoopback(): Promise<Finding> {
  const addresses = ['127.0.0.1', '127.0.11.2', '127.0.20.1'];
  const usable = await Promise.all(addresses.map((address) => canListen(address, 0)));
  const closed = addresses.filter((_, i) => usable[i] === false);
  return closed.length === 0
    ? ok('loopback addresses', 'all of 127.0.0.0/8 can be used')
    : failed('loopback addresses', `cannot listen on ${closed.join(', ')}`, 'ip addr add 127.0.0.1/8 dev lo');
}

export async function checkDisk(home: Home): Promise<Finding> {
  let folder = home.root;
  while (!existsSync(folder)) folder = dirname(folder);
  const { bavail, bsize } = await statfs(folder);
  const free = bavail * bsize;
  const detail = `${(free / 1024 ** 3).toFixed(1)} GiB free in ${folder}`;
  const remedy = 'Free some space there, or set POLARSTACK_HOME to a folder on another disk.';
  if (free < NEEDED_BYTES) return failed('disk space', detail, remedy);
  return free < WANTED_BYTES ? warning('disk space', detail, remedy) : ok('disk space', detail);
}

export function checkOpenFiles(limits: string = readFileSync('/proc/self/limits', 'utf8')): Finding {
  const [, soft = ''] = /^Max open files\s+(\d+|unlimited)/m.exec(limits) ?? [];
  const enough = soft === 'unlimited' || Number(soft) >= NEEDED_FILES;
  return enough
    ? ok('open files', `limit ${soft}`)
    : failed('open files', `limit ${soft}; ${NEEDED_FILES} are needed`, `ulimit -n ${NEEDED_FILES}`);
}

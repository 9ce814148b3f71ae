/**
 * Ends the pods of a home in order, without an API server: it may be dead, and what it says may be old. Each container's
 * keeper is told not to start its program again, then the program to end; an agent stops its engine before it does.
 */
import { closeSync, constants, existsSync, fstatSync, openSync, readdirSync, readSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '@polarstack/base';
import { sendSignal } from '../control/proxy-supervisor.ts';
import type { Home } from '../home/home.ts';
import { isProcessAlive, type ProcessIdentity } from '../machine/process-identity.ts';
import { podProcesses } from './home-processes.ts';

const LOOK_MS = 25;

export async function stopPods(
  home: Home,
  { clock, signal, timeoutMs }: { readonly clock: Clock; readonly signal: AbortSignal; readonly timeoutMs: number },
): Promise<void> {
  // The records are the pods' own, who may have written any pid there: only what is a process of a pod is signalled.
  const pods = new Set(podProcesses(home).map(({ pid }) => pid));
  const containers = runningContainers(home, (pid) => pods.has(pid));
  for (const { keeper } of containers) if (keeper) sendSignal(keeper, 'SIGTERM');
  for (const { main } of containers) if (main) sendSignal(main, 'SIGTERM');
  // What no record names has been told nothing, and will not end by itself.
  if (!containers.some(({ keeper, main }) => keeper ?? main)) return;
  const deadline = clock.monotonic() + timeoutMs;
  while (clock.monotonic() < deadline && podProcesses(home).length > 0) await clock.sleep(LOOK_MS, signal);
}

interface ContainerProcesses {
  readonly keeper: ProcessIdentity | undefined;
  readonly main: ProcessIdentity | undefined;
}

/** The keepers and programs that the node runtime has noted, as far as they live. */
function runningContainers(home: Home, isPods: (pid: number) => boolean): readonly ContainerProcesses[] {
  return folders(home.nodes)
    .flatMap((node) => folders(join(node, 'pods')))
    .flatMap(folders)
    .map((container) => join(container, 'state'))
    .filter(existsSync)
    .map((state) => {
      const read = (name: string): ProcessIdentity | undefined => readIdentity(join(state, name), isPods);
      return { keeper: read('keeper'), main: read('main') };
    });
}

function folders(parent: string): readonly string[] {
  if (!existsSync(parent)) return [];
  return readdirSync(parent, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => join(parent, name));
}

/** A keeper's record: `<run> <pid> <start time> <boot id>`. */
function readIdentity(file: string, isPods: (pid: number) => boolean): ProcessIdentity | undefined {
  const [, pid = '', startTime = '', bootId = ''] = readLine(file).trim().split(' ');
  const identity = { pid: Number(pid), startTime, bootId };
  return isPods(identity.pid) && isProcessAlive(identity) ? identity : undefined;
}

/** The container's user owns the file: no link out of there is followed, and no more than a line is read. */
function readLine(file: string): string {
  let fd: number;
  try {
    fd = openSync(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ELOOP' || code === 'ENXIO') return '';
    throw error;
  }
  try {
    if (!fstatSync(fd).isFile()) return '';
    const line = Buffer.alloc(256);
    return line.toString('latin1', 0, readSync(fd, line));
  } finally {
    closeSync(fd);
  }
}

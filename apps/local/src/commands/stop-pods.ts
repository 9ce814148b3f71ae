/**
 * Ends the pods of a home in order, without an API server: it may be dead, and what it says may be old. Each container's
 * keeper is told not to start its program again, then the program to end; an agent stops its engine before it does.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
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
  const containers = runningContainers(home);
  for (const { keeper } of containers) if (keeper) sendSignal(keeper, 'SIGTERM');
  for (const { main } of containers) if (main) sendSignal(main, 'SIGTERM');
  const deadline = clock.monotonic() + timeoutMs;
  while (clock.monotonic() < deadline && podProcesses(home).length > 0) await clock.sleep(LOOK_MS, signal);
}

interface ContainerProcesses {
  readonly keeper: ProcessIdentity | undefined;
  readonly main: ProcessIdentity | undefined;
}

/** The keepers and programs that the node runtime has noted, as far as they live. */
function runningContainers(home: Home): readonly ContainerProcesses[] {
  return folders(home.nodes)
    .flatMap((node) => folders(join(node, 'pods')))
    .flatMap(folders)
    .map((container) => join(container, 'state'))
    .filter(existsSync)
    .map((state) => ({ keeper: readIdentity(join(state, 'keeper')), main: readIdentity(join(state, 'main')) }));
}

function folders(parent: string): readonly string[] {
  if (!existsSync(parent)) return [];
  return readdirSync(parent, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => join(parent, name));
}

/** A keeper's record: `<run> <pid> <start time> <boot id>`. */
function readIdentity(file: string): ProcessIdentity | undefined {
  if (!existsSync(file)) return undefined;
  const [, pid = '', startTime = '', bootId = ''] = readFileSync(file, 'utf8').trim().split(' ');
  const identity = { pid: Number(pid), startTime, bootId };
  return Number.isSafeInteger(identity.pid) && isProcessAlive(identity) ? identity : undefined;
}

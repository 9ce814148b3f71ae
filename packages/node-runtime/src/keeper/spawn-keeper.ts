import { spawn } from 'node:child_process';
import { constants } from 'node:fs';
import { open, rm } from 'node:fs/promises';
import { StackError } from '@polarstack/base';
import type { ContainerPaths } from '../layout.ts';
import type { ContainerProcess } from '../pod/command.ts';
import { identify, type ProcessIdentity } from '../process/process-table.ts';
import type { RuntimeUser } from '../types.ts';

export interface SpawnInput {
  readonly script: string;
  readonly paths: ContainerPaths;
  readonly run: number;
  readonly process: ContainerProcess;
  readonly user?: RuntimeUser;
  readonly bootId: string;
  /** Asked in the same tick as the spawn: a node whose plug was pulled starts nothing more. */
  readonly mayStart: () => boolean;
  readonly onExit: () => void;
}

/** Starts a keeper in a session of its own; it outlives this process. */
export async function spawnKeeper(input: SpawnInput): Promise<ProcessIdentity> {
  const { paths, run, process: what, user, bootId } = input;
  await Promise.all(
    ['keeper', 'main', 'restarts', 'exit'].map((record) => rm(`${paths.state}/${record}`, { force: true })),
  );
  const { O_APPEND, O_CREAT, O_NOFOLLOW, O_WRONLY } = constants;
  const log = await open(paths.log(run), O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW, 0o600);
  try {
    if (!input.mayStart()) throw new StackError('NodePoweredOff', 'the node was switched off');
    const child = spawn('/bin/sh', [input.script, paths.state, String(run), what.mode, ...what.argv], {
      cwd: what.cwd,
      env: { ...what.env },
      detached: true,
      stdio: ['ignore', log.fd, log.fd],
      ...(user ? { uid: user.uid, gid: user.gid } : {}),
    });
    const failed = new Promise<never>((_, reject) => child.once('error', reject));
    const spawned = new Promise<void>((resolve) => child.once('spawn', resolve));
    child.once('exit', input.onExit);
    child.unref();
    await Promise.race([spawned, failed]);
    const identity = child.pid === undefined ? undefined : identify(child.pid, bootId);
    // Gone already: its exit record says how it ended.
    return identity ?? { pid: child.pid ?? 0, startTime: 0, bootId };
  } finally {
    await log.close();
  }
}

/**
 * Sees the death of a postmaster that is not our child.
 *
 * A postmaster keeps the write end of a pipe that its children read, so that they notice its death; nobody else holds
 * that end. We open the read end too (through /proc, as the same user) and get the end of file from the kernel the moment
 * it dies: seen after 2 ms here, and no cost while it lives. Where the pipe cannot be found (no child yet, a restricted
 * /proc) we look at /proc every {@link POLL_MS}; and every {@link SLOW_POLL_MS} in any case, so that nothing rests on
 * one trick alone.
 */
import { constants, openSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { Socket } from 'node:net';
import { isAlive, processesIn } from './proc.ts';

const POLL_MS = 50;
const SLOW_POLL_MS = 1_000;
/** A dying process closes its files a moment before it counts as dead: that long we look often. */
const DYING_POLL_MS = 2;
const DYING_POLLS = 100;
/** The bits of open flags that tell reading from writing. */
const ACCESS_MODE = 3;

interface PipeEnd {
  readonly fd: number;
  readonly inode: string;
  readonly writes: boolean;
}

function pipeEnds(pid: number): readonly PipeEnd[] {
  return readdirSync(`/proc/${pid}/fd`).flatMap((name) => {
    const inode = /^pipe:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${name}`))?.[1];
    if (inode === undefined) return [];
    const flags = /^flags:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/fdinfo/${name}`, 'latin1'))?.[1];
    const writes = (Number.parseInt(flags ?? '0', 8) & ACCESS_MODE) !== constants.O_RDONLY;
    return [{ fd: Number(name), inode, writes }];
  });
}

/** The descriptor of the death pipe in the postmaster: both ends there, and the reading end alone in a child. */
function deathPipe(pid: number, dataDir: string): number | undefined {
  const own = pipeEnds(pid);
  const child = processesIn([dataDir]).find((other) => other !== pid);
  if (child === undefined) return undefined;
  const inChild = pipeEnds(child);
  const found = own.find(
    (end) =>
      end.writes &&
      own.some((other) => !other.writes && other.inode === end.inode) &&
      inChild.some((other) => !other.writes && other.inode === end.inode) &&
      !inChild.some((other) => other.writes && other.inode === end.inode),
  );
  return found?.fd;
}

function openDeathPipe(pid: number, dataDir: string): Socket | undefined {
  try {
    const fd = deathPipe(pid, dataDir);
    if (fd === undefined) return undefined;
    const own = openSync(`/proc/${pid}/fd/${fd}`, constants.O_RDONLY | constants.O_NONBLOCK);
    return new Socket({ fd: own, readable: true, writable: false });
  } catch {
    // Died meanwhile, or /proc is restricted: the poll sees to it.
    return undefined;
  }
}

/** Calls `onDeath` once, when the process is dead. Returns the end of the watch. */
export function watchDeath(pid: number, startTicks: number, dataDir: string, onDeath: () => void): () => void {
  let timer: NodeJS.Timeout | undefined;
  let pipe: Socket | undefined;
  let ended = false;
  let dying = 0;
  const end = (): void => {
    ended = true;
    clearTimeout(timer);
    pipe?.destroy();
  };
  const look = (): void => {
    if (ended) return;
    let alive: boolean;
    try {
      alive = isAlive(pid, startTicks);
    } catch {
      // Nothing is known (no descriptor left, say): that is no death. Asked again.
      schedule(POLL_MS);
      return;
    }
    if (!alive) {
      end();
      onDeath();
      return;
    }
    if (dying > 0) {
      dying--;
      schedule(DYING_POLL_MS);
      return;
    }
    if (pipe === undefined) {
      pipe = openDeathPipe(pid, dataDir);
      pipe?.on('error', () => {});
      pipe?.on('close', () => {
        pipe = undefined;
        dying = DYING_POLLS;
        schedule(0);
      });
      pipe?.resume();
    }
    schedule(pipe === undefined ? POLL_MS : SLOW_POLL_MS);
  };
  const schedule = (ms: number): void => {
    if (ended) return;
    clearTimeout(timer);
    timer = setTimeout(look, ms);
  };
  look();
  return end;
}

/** The engine's processes: start, find again, watch, end. */
import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { mkdir, realpath, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { StackError, systemClock } from '@polarstack/base';
import type { EngineExit, EngineProcess, StopMode } from '../driver.ts';
import { readIfThere } from '../durable-file.ts';
import { isLocked, tryLock } from '../process/file-lock.ts';
import {
  executableOf,
  isAlive,
  kill,
  pidIsTaken,
  processesIn,
  processStat,
  type SharedMemory,
  sharedMemoryAttachments,
} from '../process/proc.ts';
import { watchDeath } from '../process/watch.ts';
import { type Layout, paths } from './layout.ts';

const stopSignals: Readonly<Record<StopMode, NodeJS.Signals>> = {
  smart: 'SIGTERM',
  fast: 'SIGINT',
  immediate: 'SIGQUIT',
};

/** After this long a process that got SIGKILL hangs in the kernel. */
const KILL_DEADLINE_MS = 10_000;

/** A start that fails does so quickly; one that recovers for long is none that fails. */
const DIAGNOSIS_MS = 10_000;

interface PidFile {
  readonly pid: number;
  /** `starting`, `ready`, `standby`, `stopping`; empty very early. */
  readonly state: string;
  /** Of the System V segment that every process of the engine attaches; undefined very early. */
  readonly sharedMemory: SharedMemory | undefined;
}

async function readPidFile(path: string): Promise<PidFile | undefined> {
  const lines = (await readIfThere(path))?.split('\n');
  const pid = Number(lines?.[0]);
  if (lines === undefined || !Number.isInteger(pid) || pid <= 1) return undefined;
  const [, key, id] = /^\s*(\d+)\s+(\d+)/.exec(lines[6] ?? '') ?? [];
  return {
    pid,
    state: lines[7]?.trim() ?? '',
    sharedMemory: id === undefined ? undefined : { key: Number(key), id: Number(id) },
  };
}

/** `ready`: open for all; `standby`: in recovery and open for reads. */
export async function isAccepting(layout: Layout, pid: number): Promise<boolean> {
  const file = await readPidFile(paths(layout).postmasterPid);
  return file?.pid === pid && (file.state === 'ready' || file.state === 'standby');
}

function engineProcess(
  pid: number,
  startTicks: number,
  exited: Promise<EngineExit>,
  release: () => void,
): EngineProcess {
  const mayLive = (): boolean => {
    try {
      return isAlive(pid, startTicks);
    } catch {
      // Unknown: its death was not seen, and who asks us to stop it must not be left without.
      return true;
    }
  };
  const send = (signal: NodeJS.Signals): void => {
    if (mayLive()) kill(pid, signal);
  };
  return {
    pid,
    startTicks,
    exited,
    stop: (mode) => send(stopSignals[mode]),
    reload: () => send('SIGHUP'),
    release,
  };
}

/** The postmaster named in `postmaster.pid`, if it lives and works in this data folder. */
export async function findPostmaster(layout: Layout): Promise<EngineProcess | undefined> {
  const file = await readPidFile(paths(layout).postmasterPid);
  if (file === undefined) return undefined;
  const dataDir = await realpath(layout.dataDir);
  const stat = processStat(file.pid);
  if (stat === undefined || !processesIn([dataDir]).includes(file.pid)) return undefined;
  // One that somebody started by hand, beside the agent, holds no engine lock: it is not ours and does not count.
  if (!executableOf(file.pid).startsWith('postgres') || !isLocked(paths(layout).engineLock)) return undefined;
  let end = (): void => {};
  const exited = new Promise<EngineExit>((resolve) => {
    end = watchDeath(file.pid, stat.startTicks, dataDir, () => resolve({}));
  });
  return engineProcess(file.pid, stat.startTicks, exited, () => end());
}

/** The real path, also of a folder that is gone while processes still work in it. */
async function realFolder(folder: string): Promise<string> {
  return await realpath(folder).catch(async () => join(await realpath(dirname(folder)), basename(folder)));
}

/**
 * Kills every process that works in `folders`, `first` before the others, until two scans in a row find none.
 * The main process goes first, so that it can start no further child.
 */
export async function endProcesses(
  folders: readonly string[],
  first: number | undefined,
  signal: AbortSignal,
): Promise<void> {
  const real = await Promise.all(folders.map(realFolder));
  const started = systemClock.monotonic();
  for (let clean = 0; clean < 2; ) {
    const found = processesIn(real);
    if (found.length === 0) {
      clean++;
    } else {
      clean = 0;
      if (first !== undefined && found.includes(first)) kill(first);
      for (const pid of found) kill(pid);
      if (systemClock.monotonic() - started > KILL_DEADLINE_MS)
        throw new StackError('EngineNotDead', `processes ${found.join(', ')} of ${folders[0]} survive SIGKILL`);
    }
    await systemClock.sleep(clean === 1 ? 1 : 5, signal);
  }
}

/**
 * Ends the engine and proves it (ha.md F1): no process in its folder, the lock that all of its processes inherit is free, and
 * nobody has its shared memory attached.
 */
export async function endPostmaster(layout: Layout, signal: AbortSignal): Promise<void> {
  const { postmasterPid, engineLock } = paths(layout);
  const file = await readPidFile(postmasterPid);
  await endProcesses([layout.dataDir], file?.pid, signal);
  const started = systemClock.monotonic();
  const inUse = (): string | undefined => {
    if (isLocked(engineLock)) return `the engine lock ${engineLock} is held`;
    const memory = file?.sharedMemory;
    return memory && sharedMemoryAttachments(memory) > 0 ? `shared memory segment ${memory.id} is attached` : undefined;
  };
  for (let why = inUse(); why !== undefined; why = inUse()) {
    if (systemClock.monotonic() - started > KILL_DEADLINE_MS)
      throw new StackError('EngineNotDead', `${why}, though no process is found in ${layout.dataDir}`);
    await systemClock.sleep(20, signal);
  }
}

/**
 * The engine refuses to start while the pid in a stale `postmaster.pid` is taken. That is the rule that protects its data, and it is
 * left to it, but for the two cases in which it misleads: the old postmaster is a zombie that its parent has not looked at yet (an
 * adopted one's parent is PID 1, which may take seconds), or a container gave the pid to a stranger after its restart. The
 * engine is proven dead and its lock is ours here, so the files are set aside.
 */
async function setAsideMisleadingPidFile(layout: Layout): Promise<void> {
  const { postmasterPid } = paths(layout);
  const file = await readPidFile(postmasterPid);
  if (file?.sharedMemory && sharedMemoryAttachments(file.sharedMemory) > 0)
    throw new StackError('EngineNotDead', `shared memory of an earlier engine of ${layout.dataDir} is attached`);
  if (file === undefined || !pidIsTaken(file.pid)) return;
  await rename(postmasterPid, join(layout.workDir, 'postmaster.pid.stale'));
  // The socket's lock names the same pid, and is asked in the same way.
  await rm(join(layout.socketDir, `.s.PGSQL.${layout.port}.lock`), { force: true });
}

/**
 * Short folders for sockets lie where machines clean up, so it may be gone; and where others can make one of its name, in
 * which they would own the way to the superuser.
 */
async function makeSocketFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const { uid } = await stat(folder);
  if (uid !== process.getuid?.() && uid !== 0)
    throw new StackError('DataFolderUnusable', `the folder for the engine's socket, ${folder}, is another user's`);
}

/**
 * Starts the postmaster in a session of its own. It inherits our output (the container's log) and the engine lock, so it
 * outlives us, and its death frees the lock only once the last of its children is gone.
 */
export async function launchPostmaster(
  layout: Layout,
  program: string,
  signal: AbortSignal,
  output: 'inherit' | number = 'inherit',
): Promise<EngineProcess> {
  signal.throwIfAborted();
  const { engineLock } = paths(layout);
  if (processesIn([await realpath(layout.dataDir)]).length > 0)
    throw new StackError('EngineNotDead', `processes of an earlier engine still work in ${layout.dataDir}`);
  const lock = tryLock(engineLock);
  if (lock === undefined) throw new StackError('EngineNotDead', `the engine lock ${engineLock} is held`);
  try {
    await setAsideMisleadingPidFile(layout);
    await makeSocketFolder(layout.socketDir);
    const child = spawn(program, ['-D', layout.dataDir], {
      cwd: layout.dataDir,
      env: { ...layout.env },
      detached: true,
      stdio: ['ignore', output, output, lock],
    });
    const exited = new Promise<EngineExit>((resolve) => {
      child.once('exit', (code, by) =>
        resolve({ ...(code === null ? {} : { code }), ...(by === null ? {} : { signal: by }) }),
      );
    });
    await new Promise<void>((resolve, reject) => {
      child.once('spawn', resolve);
      child.once('error', (error) =>
        reject(new StackError('EngineNotInstalled', `cannot run ${program}: ${error.message}`, { cause: error })),
      );
    });
    const pid = child.pid ?? 0;
    child.unref();
    return engineProcess(pid, processStat(pid)?.startTicks ?? 0, exited, () => {});
  } finally {
    closeSync(lock);
  }
}

/** One start with the output in a file, because the container's log cannot be read back; the engine is ended again. */
export async function diagnosePostmaster(
  layout: Layout,
  program: string,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const { diagnosis } = paths(layout);
  await rm(diagnosis, { force: true });
  const output = openSync(diagnosis, 'wx', 0o600);
  try {
    const engine = await launchPostmaster(layout, program, signal, output);
    const deadline = systemClock.monotonic() + DIAGNOSIS_MS;
    while (isAlive(engine.pid, engine.startTicks) && !(await isAccepting(layout, engine.pid))) {
      if (systemClock.monotonic() > deadline) break;
      await systemClock.sleep(20, signal);
    }
    engine.stop('immediate');
    await engine.exited;
    return readFileSync(diagnosis, 'utf8')
      .split('\n')
      .filter((line) => line.trim() !== '')
      .slice(-8);
  } finally {
    closeSync(output);
    await endPostmaster(layout, new AbortController().signal);
  }
}

/**
 * One container of a pod: owns its keeper, its probes and its record; does not decide when to run (decide.ts).
 *
 * Invariants (tests cite them):
 * R1. The record says "run n" before anything of run n is started.
 * R2. A run has ended only when no process of the container is left: the next one never meets the last one's.
 * R3. A keeper that lives is never started a second time, whoever started it.
 * R4. As root, no process of another user is ever signalled.
 */
import { type FSWatcher, watch } from 'node:fs';
import type { Writable } from 'node:stream';
import { StackError } from '@polarstack/base';
import { type KeeperRecords, readKeeperRecords } from '../keeper/keeper-records.ts';
import { spawnKeeper } from '../keeper/spawn-keeper.ts';
import { findProcesses } from '../process/find-processes.ts';
import { killAll } from '../process/kill-all.ts';
import { isAlive, linuxInspector, type ProcessIdentity } from '../process/process-table.ts';
import { type ContainerProcess, containerProcess } from './command.ts';
import type { ContainerContext } from './container-context.ts';
import { type ContainerProbes, startContainerProbes } from './container-probes.ts';
import { resolveEnvironment } from './environment.ts';
import { type ContainerRecord, noRun } from './pod-record.ts';
import { containerId, toSeconds } from './pod-status.ts';
import type { ContainerView } from './pod-view.ts';
import { nextPause, remainingPause } from './restart-backoff.ts';
import { runCommand } from './run-command.ts';
import { runHook } from './run-hook.ts';
import { askToStop } from './stop-container.ts';

export interface ContainerRunner {
  readonly name: string;
  /** Reads what the keeper wrote; takes note of a run that ended and kills what it left. */
  observe(): Promise<void>;
  view(): ContainerView;
  /** Starts the next run. Its failure is in the view, not thrown. */
  start(): Promise<void>;
  /** Ends the run: gracefully within `graceMs`, then by force. Repeated calls join the first. */
  stop(graceMs: number, hurry: AbortSignal): Promise<void>;
  /** What lives of the container by its records. */
  roots(): readonly ProcessIdentity[];
  /** What a command in this container runs with. Throws `ContainerNotRunning`. */
  execContext(): Promise<ContainerProcess>;
  /** The next run starts without a pause (the node was switched off and on). */
  forgetPause(): Promise<void>;
  /** Stops looking; whatever runs goes on. */
  close(): void;
}

export function createContainerRunner(context: ContainerContext): ContainerRunner {
  const { container, paths, runtime } = context;
  const { clock, bootId, user } = runtime;
  const { name } = container;
  let records: KeeperRecords = {};
  let probes: ContainerProbes | undefined;
  let watcher: FSWatcher | undefined;
  let stopping: Promise<void> | undefined;
  let problem: ContainerView['problem'];
  let pauseUntil: number | undefined;
  let toldRestarts = 0;
  /** The keeper's records may be newer than what we read. */
  let unread = true;
  /** The postStart hook under way; probes begin when it has ended well. */
  let starting: AbortController | undefined;
  let postStartFailed = false;
  /** The first look at a container that an earlier control has started. */
  let adopting = true;

  const trusted = (identity: ProcessIdentity | undefined): ProcessIdentity | undefined =>
    identity && isAlive(identity, bootId) && (!user || linuxInspector.effectiveUid(identity.pid) === user.uid)
      ? identity
      : undefined;

  const isRunning = (): boolean => {
    const record = context.record();
    return record.run > 0 && !record.end;
  };

  const roots = (): readonly ProcessIdentity[] => {
    const own = [context.record().keeper, records.keeper, records.main];
    return own.filter((identity): identity is ProcessIdentity => identity !== undefined);
  };

  const kill = (): Promise<number> => killAll(() => findProcesses(context.scope(roots())), { clock });

  async function environment(): Promise<ContainerProcess> {
    const image = runtime.images.find((candidate) => candidate.name === container.image);
    if (!image) throw new StackError('InvalidPod', `image ${container.image} is not on node ${context.nodeName}`);
    const facts = { pod: context.pod(), podIP: context.podIP, hostIP: context.hostIP, nodeName: context.nodeName };
    const variables = await resolveEnvironment(container, facts, context.sources);
    const { binDir } = runtime;
    return containerProcess({ container, image, variables, root: paths.root, runFolder: context.runFolder, binDir });
  }

  async function exec(argv: readonly string[], output: Writable, signal: AbortSignal): Promise<number> {
    if (!context.mayStart()) throw new StackError('NodePoweredOff', `node ${context.nodeName} is switched off`);
    return await run(argv, output, signal);
  }

  async function run(argv: readonly string[], output: Writable, signal: AbortSignal): Promise<number> {
    const { env, cwd } = await environment();
    return runCommand({ argv, env, cwd, stdout: output, stderr: output, clock, ...(user ? { user } : {}) }, signal);
  }

  function watchState(): void {
    if (watcher) return;
    watcher = watch(paths.state, { persistent: false }, () => {
      unread = true;
      context.wake();
    });
    // Then every look reads the records.
    watcher.on('error', () => {
      watcher?.close();
      watcher = undefined;
    });
  }

  function beginProbes(adopted: boolean): void {
    const record = context.record();
    const last = context
      .pod()
      .status?.containerStatuses?.find(
        (status) => status.name === name && status.containerID === containerId(context.pod(), name, record.run),
      );
    probes = startContainerProbes({
      target: { container, podIP: context.podIP, exec },
      ...(adopted && last ? { adopted: { started: last.started ?? false, ready: last.ready } } : {}),
      clock,
      signal: context.signal,
      onChange: context.wake,
      onFailure: (kind, message) => {
        if (probes?.ready || kind !== 'Readiness') {
          context.tell('Warning', 'Unhealthy', `${kind} probe of container ${name} failed: ${message}`);
        }
      },
    });
  }

  function endProbes(): void {
    starting?.abort();
    starting = undefined;
    probes?.close();
    probes = undefined;
  }

  /** The hook that follows a start, if any, and then the probes. An adopted container does not get its hook again. */
  function beginLife(): void {
    const hook = container.lifecycle?.postStart;
    if (!hook) {
      beginProbes(false);
      return;
    }
    const own = new AbortController();
    const onAbort = (): void => own.abort();
    context.signal.addEventListener('abort', onAbort, { once: true });
    starting = own;
    void runHook(hook, { container, podIP: context.podIP, exec }, clock, own.signal)
      .then(() => {
        if (starting === own) beginProbes(false);
      })
      .catch((error: unknown) => {
        if (starting !== own) return;
        postStartFailed = true;
        const why = error instanceof Error ? error.message : String(error);
        context.tell('Warning', 'FailedPostStartHook', `postStart hook of container ${name} failed: ${why}`);
      })
      .finally(() => {
        context.signal.removeEventListener('abort', onAbort);
        if (starting !== own) return;
        starting = undefined;
        context.wake();
      });
  }

  async function reap(exitCode: number, reason: string, at: Date): Promise<void> {
    endProbes();
    await kill();
    const record = context.record();
    const startedAt = record.startedAt ?? toSeconds(at);
    const ranFor = Math.max(0, at.getTime() - Date.parse(startedAt));
    const rebooted = record.keeper !== undefined && record.keeper.bootId !== bootId;
    // Only a container that failed by itself waits: not one that was ended with its node or home, or while nobody looked.
    const blameless = rebooted || adopting || !context.mayStart();
    const pause = blameless ? 0 : nextPause(record.run, record.backoffMs, ranFor);
    pauseUntil = clock.monotonic() + pause;
    const end = { run: record.run, exitCode, reason, startedAt, finishedAt: toSeconds(at) };
    await context.save({ ...record, end, backoffMs: pause });
    if (pause > 0) context.tell('Warning', 'BackOff', `back-off restarting failed container ${name}`);
  }

  /** The record says that a run began, and nothing else does: control died just before it started the keeper. */
  async function neverStarted(record: ContainerRecord): Promise<void> {
    await kill();
    const { previous, backoffMs } = record;
    const before = previous?.run === record.run - 1 ? { end: previous } : {};
    await context.save(record.run <= 1 ? noRun : { run: record.run - 1, backoffMs, ...before });
  }

  function tellRestarts(): void {
    const { restarts } = records;
    if (!restarts || restarts.count <= toldRestarts) return;
    if (!adopting) {
      const message = `the program of container ${name} ended with ${restarts.lastCode}; its keeper started it again`;
      context.tell('Warning', 'ProgramRestarted', message);
    }
    toldRestarts = restarts.count;
  }

  async function observeRun(): Promise<void> {
    const record = context.record();
    // The usual case, once a second for each container for ever: nothing written, and the keeper lives.
    if (!unread && watcher && probes && record.keeper && isAlive(record.keeper, bootId)) return;
    unread = false;
    records = await readKeeperRecords(paths.state, record.run);
    tellRestarts();
    if (!record.keeper) {
      const found = trusted(records.keeper);
      if (found) await context.save({ ...record, keeper: found });
      else if (!records.exit) return await neverStarted(record);
    }
    if (records.exit) {
      const { code, at } = records.exit;
      return await reap(code, code === 0 ? 'Completed' : 'Error', at);
    }
    const keeper = context.record().keeper;
    if (keeper && isAlive(keeper, bootId)) {
      watchState();
      if (!probes && !starting && !postStartFailed) beginProbes(adopting);
      return;
    }
    // It may have written its last record between our reading and our look at the process.
    records = await readKeeperRecords(paths.state, record.run);
    if (records.exit) return await observeRun();
    const rebooted = keeper !== undefined && keeper.bootId !== bootId;
    await reap(rebooted ? 255 : 137, rebooted ? 'NodeRebooted' : 'KeeperLost', clock.now());
  }

  async function startRun(): Promise<void> {
    const what = await environment();
    context.tell('Normal', 'Pulled', `image ${container.image} is present on node ${context.nodeName}`);
    const before = context.record();
    const run = before.run + 1;
    const previous = before.end ?? before.previous;
    const next: ContainerRecord = {
      run,
      backoffMs: before.backoffMs,
      startedAt: toSeconds(clock.now()),
      ...(previous ? { previous } : {}),
    };
    await context.save(next);
    watchState();
    try {
      const keeper = await spawnKeeper({
        script: runtime.keeperScript,
        paths,
        run,
        process: what,
        bootId,
        mayStart: context.mayStart,
        onExit: context.wake,
        ...(user ? { user } : {}),
      });
      await context.save({ ...next, keeper });
    } catch (error) {
      await neverStarted(next);
      throw error;
    }
    records = {};
    unread = true;
    toldRestarts = 0;
    postStartFailed = false;
    beginLife();
    context.tell('Normal', 'Started', `started container ${name}`);
  }

  function start(): Promise<void> {
    return startRun().then(
      () => {
        problem = undefined;
      },
      (error: unknown) => {
        const known = error instanceof StackError ? error : undefined;
        const unknownImage = known?.code === 'InvalidPod' && !runtime.images.some((i) => i.name === container.image);
        const reason = unknownImage
          ? 'ErrImageNeverPull'
          : known?.code === 'MountFailed' || known?.code === 'InvalidPod'
            ? 'CreateContainerConfigError'
            : 'RunContainerError';
        const message = error instanceof Error ? error.message : String(error);
        if (problem?.reason !== reason || problem.message !== message) {
          context.tell('Warning', unknownImage ? reason : 'Failed', message);
        }
        problem = { reason, message };
        pauseUntil = clock.monotonic() + 1000;
      },
    );
  }

  async function preStop(signal: AbortSignal): Promise<void> {
    const hook = container.lifecycle?.preStop;
    // Also while the pod is shut down, when nothing else may start any more.
    if (hook) await runHook(hook, { container, podIP: context.podIP, exec: run }, clock, signal);
  }

  async function stopRun(graceMs: number, hurry: AbortSignal): Promise<void> {
    const keeper = trusted(context.record().keeper);
    endProbes();
    if (keeper) {
      const run = context.record().run;
      const main = async (): Promise<ProcessIdentity | undefined> => {
        records = await readKeeperRecords(paths.state, run);
        return records.main;
      };
      await askToStop({ keeper, main, preStop, graceMs, hurry }, context);
      context.signal.throwIfAborted();
    }
    await kill();
  }

  return {
    name,
    roots,
    start,
    async observe() {
      if (!stopping && isRunning()) await observeRun();
      else if (adopting) {
        const { end, backoffMs } = context.record();
        const left = end ? remainingPause(backoffMs, Date.parse(end.finishedAt), clock.now().getTime()) : 0;
        pauseUntil = clock.monotonic() + left;
      }
      adopting = false;
    },
    view() {
      const record = context.record();
      const running = isRunning();
      return {
        name,
        run: record.run,
        state: running ? (stopping ? 'stopping' : 'running') : record.end ? 'ended' : 'waiting',
        started: probes?.started ?? false,
        ready: probes?.ready ?? false,
        unhealthy: postStartFailed || (probes?.unhealthy ?? false),
        pauseMs: Math.max(0, (pauseUntil ?? 0) - clock.monotonic()),
        ...(record.startedAt ? { startedAt: record.startedAt } : {}),
        ...(record.end ? { end: record.end } : {}),
        ...(record.previous ? { previous: record.previous } : {}),
        ...(problem ? { problem } : {}),
      };
    },
    stop(graceMs, hurry) {
      if (stopping) return stopping;
      if (!isRunning()) return kill().then(() => undefined);
      context.tell('Normal', 'Killing', `stopping container ${name}`);
      const work = stopRun(graceMs, hurry).finally(() => {
        stopping = undefined;
        context.wake();
      });
      stopping = work;
      return work;
    },
    async execContext() {
      if (!isRunning()) throw new StackError('ContainerNotRunning', `container ${name} does not run`);
      return environment();
    },
    async forgetPause() {
      pauseUntil = undefined;
      const record = context.record();
      if (record.backoffMs > 0) await context.save({ ...record, backoffMs: 0 });
    },
    close() {
      endProbes();
      watcher?.close();
      watcher = undefined;
    },
  };
}

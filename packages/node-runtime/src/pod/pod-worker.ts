/**
 * One pod on this machine, from its binding to a node until nothing of it is left.
 *
 * Invariants (tests cite them):
 * W1. One step at a time; a step compares what is wanted with what is there, so that a missed event or a restart of
 *     control changes nothing.
 * W2. The pod's object is let go only when no process of it is left and its folders are gone.
 * W3. On a node that is off nothing is started, and what is known of the pod stays as it was last seen, but not ready.
 * W4. Closing leaves everything running.
 */
import { isStackError, toStackError } from '@polarstack/base';
import { type KubeClient, Pods } from '@polarstack/kube';
import type { Pod, PodStatus } from 'kubernetes-types/core/v1.js';
import { containerPaths, type Layout, type PodId } from '../layout.ts';
import { startLoop } from '../loop.ts';
import { findProcesses, type ProcessScope } from '../process/find-processes.ts';
import { killAll } from '../process/kill-all.ts';
import { sameJson } from '../same-json.ts';
import type { NodeSpec } from '../types.ts';
import type { RuntimeContext, TellEvent } from './container-context.ts';
import { type ContainerRunner, createContainerRunner } from './container-runner.ts';
import { decide } from './decide.ts';
import type { DownwardFacts, EnvironmentSources } from './environment.ts';
import { allContainers } from './mounts.ts';
import { notEnforced } from './not-enforced.ts';
import { openPodFolder, type PodFolder } from './pod-folder.ts';
import { noRun } from './pod-record.ts';
import { lostStatus, podPhase, podStatus, type StatusInput, toSeconds } from './pod-status.ts';
import type { ContainerView } from './pod-view.ts';
import { publishStatus } from './publish-status.ts';
import type { RestartPolicy } from './restart-backoff.ts';

export interface PodWorkerOptions {
  readonly runtime: RuntimeContext;
  readonly layout: Layout;
  readonly client: KubeClient;
  readonly node: NodeSpec;
  readonly id: PodId;
  /** Absent where the object was deleted while control was away: then the pod is stopped and removed. */
  readonly pod?: Pod;
  readonly powered: boolean;
  readonly runBase: string;
  readonly sources: EnvironmentSources;
  readonly boundVolume: (claim: string) => Promise<string | undefined>;
  /** Chooses an address that no other pod has. */
  readonly allocateAddress: () => string;
  /** The other pods of the node. */
  readonly others: () => readonly Pick<ProcessScope, 'roots' | 'markers'>[];
  readonly tell: (pod: Pod, ...event: Parameters<TellEvent>) => void;
  readonly signal: AbortSignal;
}

export interface PodWorker {
  readonly id: PodId;
  /** Undefined until it has one. */
  readonly address: string | undefined;
  /** A newer version of the object, or undefined: it is gone. */
  update(pod: Pod | undefined): void;
  /** A Secret, ConfigMap or claim that the pod mounts has changed. */
  refresh(): void;
  setPower(on: boolean): void;
  own(): Pick<ProcessScope, 'roots' | 'markers'>;
  /** The runner of a container, by name, or the first one; undefined where there is none. */
  container(name?: string): ContainerRunner | undefined;
  views(): readonly ContainerView[];
  logPath(container: string, run: number): string;
  /** Stops all containers and starts none again; the pod's object and folder stay. */
  shutdown(graceMs: number): Promise<void>;
  /** Resolves when what an earlier control left of the pod is known. */
  readonly adopted: Promise<void>;
  /** Resolves when nothing is left of the pod, or when the worker was closed. */
  readonly done: Promise<void>;
}

/** How often a pod looks at its processes, though nothing told it to. */
const LOOK_MS = 1000;

/** Our own write may answer before the copy of the pods shows an earlier one; this API counts its versions up. */
function isOlder(a: Pod, b: Pod): boolean {
  return Number(a.metadata?.resourceVersion) < Number(b.metadata?.resourceVersion);
}

export function startPodWorker(options: PodWorkerOptions): PodWorker {
  const { runtime, layout, client, node, id, signal } = options;
  const { clock, logger } = runtime;
  const log = logger.child({ pod: `${id.namespace}/${id.name}`, node: node.name });
  let pod = options.pod;
  let gone = pod === undefined;
  let powered = options.powered;
  let shuttingDown = false;
  let folder: PodFolder | undefined;
  let runners: ContainerRunner[] = [];
  let problem: StatusInput['problem'];
  let prepared = false;
  /** Volumes that come from the API may be older than the API. */
  let stale = true;
  let failures = 0;
  /** Nothing of the pod is left on this machine; its object may be. */
  let removed = false;
  let finished = false;
  /** Aborts graces: the object is gone, or the node's plug was pulled. */
  let hurry = new AbortController();
  let wakeLoop: () => void = () => {};
  let opened: () => void = () => {};
  const adopted = new Promise<void>((resolve) => {
    opened = resolve;
  });

  const wake = (): void => wakeLoop();
  const mayStart = (): boolean => powered && !shuttingDown && !signal.aborted;
  const tell: TellEvent = (...event) => {
    if (pod) options.tell(pod, ...event);
  };
  const podFolderPath = layout.pod(node.name, id);
  const marker = `POLARSTACK_ROOT=${podFolderPath}/`;

  /** What is surely this pod's. Asks nobody else, since the pods of a node ask each other. */
  const own = (): Pick<ProcessScope, 'roots' | 'markers'> => ({
    roots: [
      ...Object.values(folder?.record()?.containers ?? {}).flatMap(({ keeper }) => keeper ?? []),
      ...runners.flatMap((runner) => runner.roots()),
    ],
    markers: [marker],
  });
  const scope = (): ProcessScope => ({
    ...own(),
    folders: [podFolderPath, ...(folder?.record()?.persistentFolders ?? [])],
    others: options.others(),
    ...(runtime.user ? { uid: runtime.uid } : {}),
  });
  const killPod = (): Promise<number> => killAll(() => findProcesses(scope()), { clock });

  const facts = (of: Pod): DownwardFacts => ({
    pod: of,
    podIP: folder?.record()?.podIP ?? '',
    hostIP: node.address,
    nodeName: node.name,
  });

  function containerScope(name: string, roots: ProcessScope['roots']): ProcessScope {
    const paths = containerPaths(podFolderPath, name);
    const siblings = runners.filter((runner) => runner.name !== name);
    const others = siblings.map((runner) => ({
      roots: runner.roots(),
      markers: [`POLARSTACK_ROOT=${containerPaths(podFolderPath, runner.name).root}`],
    }));
    return {
      roots,
      folders: [paths.folder, ...(folder?.record()?.persistentFolders ?? [])],
      markers: [`POLARSTACK_ROOT=${paths.root}`],
      others: [...others, ...options.others()],
      ...(runtime.user ? { uid: runtime.uid } : {}),
    };
  }

  function makeRunners(of: Pod, home: PodFolder): ContainerRunner[] {
    const record = home.record();
    if (!record) return [];
    return allContainers(of).map((container) =>
      createContainerRunner({
        runtime,
        container,
        init: of.spec?.initContainers?.some((init) => init.name === container.name) ?? false,
        paths: containerPaths(home.path, container.name),
        runFolder: record.runFolder,
        podIP: record.podIP,
        hostIP: node.address,
        nodeName: node.name,
        sources: options.sources,
        pod: () => pod ?? of,
        record: () => home.record()?.containers[container.name] ?? noRun,
        save: (next) => home.save((old) => ({ ...old, containers: { ...old.containers, [container.name]: next } })),
        scope: (roots) => containerScope(container.name, roots),
        mayStart,
        tell,
        wake,
        signal,
      }),
    );
  }

  async function open(): Promise<PodFolder> {
    if (folder) return folder;
    const { user, uid } = runtime;
    folder = await openPodFolder({ ...options, node: node.name, pod: id, uid, ...(user ? { user } : {}) });
    const record = folder.record();
    if (pod && record) runners = makeRunners(pod, folder);
    return folder;
  }

  /** The first time here: an address and a record; then volumes and roots. */
  async function prepare(of: Pod, home: PodFolder): Promise<void> {
    if (!home.record()) {
      // A folder without a record: whatever is in it was never recorded, so nothing of it can be adopted.
      await killPod();
      const podIP = of.spec?.hostNetwork ? node.address : options.allocateAddress();
      await home.create({ podIP, startTime: toSeconds(clock.now()), containers: {} });
      runners = makeRunners(of, home);
    }
    try {
      await home.prepare(facts(of));
      prepared = true;
      problem = undefined;
      failures = 0;
    } catch (error) {
      const { code, message } = toStackError(error);
      if (problem?.message !== message) tell('Warning', 'FailedMount', message);
      problem = { reason: code, message };
      failures += 1;
    }
  }

  const views = (list: readonly string[]) =>
    runners.filter((runner) => list.includes(runner.name)).map((runner) => runner.view());

  function situation(of: Pod) {
    const names = (containers: readonly { name: string }[] | undefined) => (containers ?? []).map((c) => c.name);
    return {
      policy: (of.spec?.restartPolicy as RestartPolicy | undefined) ?? 'Always',
      init: views(names(of.spec?.initContainers)),
      main: views(names(of.spec?.containers)),
    };
  }

  async function publish(of: Pod, next: (current: Pod) => PodStatus): Promise<void> {
    const written = await publishStatus(client, of, next, signal);
    // Meanwhile a newer version may have come.
    if (written && written.metadata?.uid === id.uid && !(pod && isOlder(written, pod))) pod = written;
  }

  function statusOf(of: Pod, terminating: boolean): (current: Pod) => PodStatus {
    const record = folder?.record();
    const unmet = notEnforced(of, runtime);
    return (current) =>
      podStatus({
        ...situation(of),
        pod: current,
        hostIP: node.address,
        terminating,
        now: clock.now(),
        ...(record ? { podIP: record.podIP, startTime: record.startTime } : {}),
        ...(problem ? { problem } : {}),
        ...(unmet ? { notEnforced: unmet } : {}),
      });
  }

  async function letGo(): Promise<void> {
    if (!removed) {
      await killPod();
      if (pod && !gone && runners.length > 0) await publish(pod, statusOf(pod, true));
      for (const runner of runners) runner.close();
      await folder?.remove();
      removed = true;
    }
    if (pod && !gone) {
      try {
        const key = { namespace: id.namespace, name: id.name };
        await client.delete(Pods, key, { gracePeriodSeconds: 0, preconditions: { uid: id.uid } }, signal);
      } catch (error) {
        // Gone already, or another pod of the same name took its place.
        if (!isStackError(error, 'NotFound') && !isStackError(error, 'Conflict')) throw error;
      }
    }
    finished = true;
  }

  async function terminate(): Promise<void> {
    if (removed) return await letGo();
    const seconds = pod?.metadata?.deletionGracePeriodSeconds ?? pod?.spec?.terminationGracePeriodSeconds ?? 30;
    for (const runner of runners) await runner.observe();
    await Promise.all(runners.map((runner) => runner.stop(gone ? 0 : seconds * 1000, hurry.signal)));
    for (const runner of runners) await runner.observe();
    await letGo();
  }

  /** One comparison; answers after how many milliseconds the next one is due at the latest. */
  async function step(): Promise<number> {
    const home = await open();
    if (!powered) {
      if (pod && !gone) await publish(pod, (current) => lostStatus(current, clock.now()));
      return LOOK_MS;
    }
    const of = pod;
    if (gone || !of || of.metadata?.deletionTimestamp) {
      await terminate();
      return 0;
    }
    const phase = of.status?.phase;
    if (!prepared) await prepare(of, home);
    for (const runner of runners) await runner.observe();
    if (!prepared) {
      await publish(of, statusOf(of, false));
      return Math.min(10_000, 250 * 2 ** Math.min(failures, 10));
    }
    if (stale && phase !== 'Succeeded' && phase !== 'Failed') await refresh(of, home);
    const { start, stop, againInMs } = decide(situation(of));
    for (const name of stop) {
      const runner = runners.find((candidate) => candidate.name === name);
      const grace = (of.spec?.terminationGracePeriodSeconds ?? 30) * 1000;
      runner?.stop(grace, hurry.signal).catch((error: unknown) => {
        log.error({ err: error, container: name }, 'a container could not be stopped');
      });
    }
    if (mayStart()) {
      for (const name of start) await runners.find((runner) => runner.name === name)?.start();
    }
    await publish(of, statusOf(of, false));
    return Math.min(LOOK_MS, againInMs ?? LOOK_MS);
  }

  async function refresh(of: Pod, home: PodFolder): Promise<void> {
    stale = false;
    try {
      await home.refresh(facts(of));
    } catch (error) {
      // What was mounted stays as it is, like on any node.
      log.debug({ err: error }, 'a volume could not be refreshed');
    }
  }

  const loop = startLoop({
    clock,
    signal,
    step,
    isOver: () => finished || shuttingDown,
    onError: (error) => log.error({ err: error }, 'the pod could not be brought to its wanted state; trying again'),
    async prepare() {
      const report = (error: unknown): void =>
        log.error({ err: error }, 'the folder of a pod cannot be read; trying again');
      await open().catch(report);
      opened();
    },
  });
  wakeLoop = loop.wake;
  const done = loop.done.finally(() => {
    if (!shuttingDown) for (const runner of runners) runner.close();
  });

  return {
    id,
    done,
    adopted,
    own,
    refresh() {
      stale = true;
      wake();
    },
    get address() {
      return folder?.record()?.podIP;
    },
    update(next) {
      if (next) {
        if (pod && isOlder(next, pod)) return;
        const meta = (of: Pod | undefined) => [of?.metadata?.labels, of?.metadata?.annotations];
        if (!sameJson(meta(next), meta(pod))) stale = true;
        pod = next;
      } else {
        gone = true;
        hurry.abort();
      }
      wake();
    },
    setPower(on) {
      if (on === powered) return;
      powered = on;
      if (on) {
        hurry = new AbortController();
        void Promise.all(runners.map((runner) => runner.forgetPause())).then(wake);
      } else {
        hurry.abort();
      }
      wake();
    },
    container(name) {
      const wanted = name ?? pod?.spec?.containers[0]?.name;
      return runners.find((runner) => runner.name === wanted);
    },
    views: () => runners.map((runner) => runner.view()),
    logPath: (container, run) => containerPaths(podFolderPath, container).log(run),
    async shutdown(graceMs) {
      shuttingDown = true;
      wake();
      await done;
      const grace = Math.min(graceMs, (pod?.spec?.terminationGracePeriodSeconds ?? 30) * 1000);
      for (const runner of runners) await runner.observe();
      await Promise.all(runners.map((runner) => runner.stop(grace, hurry.signal)));
      for (const runner of runners) {
        await runner.observe();
        await runner.forgetPause();
      }
      await killPod();
      await folder?.releaseRunFolder();
      if (pod && !gone && podPhase({ ...situation(pod), pod, terminating: false }) !== 'Succeeded') {
        await publish(pod, statusOf(pod, false));
      }
      for (const runner of runners) runner.close();
    },
  };
}

import { setMaxListeners } from 'node:events';
import { mkdir, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import type { PodConnector } from '@polarstack/api';
import { StackError, systemClock } from '@polarstack/base';
import { createEventRecorder } from '@polarstack/kube';
import { createCaches } from './cluster/caches.ts';
import { createEndpointController } from './cluster/endpoint-controller.ts';
import { machineFacts } from './cluster/machine-facts.ts';
import { createNodeKeeper } from './cluster/node-keeper.ts';
import { isPoweredOn } from './cluster/node-power.ts';
import { createPowerController } from './cluster/power-controller.ts';
import { createProvisioner } from './cluster/provisioner.ts';
import { createScheduler } from './cluster/scheduler.ts';
import { createConnector } from './connector.ts';
import { installKeeper } from './keeper/install-keeper.ts';
import { createLayout } from './layout.ts';
import type { RuntimeContext } from './pod/container-context.ts';
import { createLogKeeper } from './pod/log-keeper.ts';
import { createPodManager } from './pod/pod-manager.ts';
import { defaultRunBase } from './pod/run-folder.ts';
import { keepRunFolders } from './pod/run-folder-keeper.ts';
import { findProcesses } from './process/find-processes.ts';
import { killAll } from './process/kill-all.ts';
import { readBootId } from './process/process-table.ts';
import type { NodeRuntimeOptions, RuntimeUser } from './types.ts';

export interface NodeRuntime extends PodConnector {
  /** `exec` and `logs` of the pods here. */
  readonly connector: PodConnector;
  /** Stops managing and leaves all pods running: databases outlive control. */
  close(): Promise<void>;
  /** Stops all pods gracefully, by force after `deadlineMs`; their objects and data stay. Then closes. */
  shutdown(options: { readonly deadlineMs: number }): Promise<void>;
}

const MAX_LOG_BYTES = 10 * 1024 * 1024;

/**
 * Runs the pods of the API as processes of this machine: registers the nodes, schedules, provides volumes, keeps
 * EndpointSlices, and adopts what an earlier control left running. Resolves when it has adopted everything.
 */
export async function startNodeRuntime(options: NodeRuntimeOptions): Promise<NodeRuntime> {
  const { client, nodes, images, user, logger, clock = systemClock } = options;
  const own = new AbortController();
  const signal = AbortSignal.any([own.signal, options.signal]);
  // Each pod listens to it.
  setMaxListeners(0, signal);
  const uid = user?.uid ?? process.getuid?.() ?? 0;
  if (uid === 0) throw new StackError('InvalidConfig', 'the node runtime needs a user to run containers as; not root');

  await mkdir(join(options.home, 'nodes'), { recursive: true });
  const home = await realpath(options.home);
  const layout = createLayout(home);
  const runtime: RuntimeContext = {
    images,
    uid,
    ...(user ? { user } : {}),
    keeperScript: await installKeeper(options.binDir),
    binDir: options.binDir,
    bootId: readBootId(),
    clock,
    logger,
    maxLogBytes: options.maxLogBytes ?? MAX_LOG_BYTES,
  };
  const recorder = createEventRecorder({
    client,
    component: 'polarstack-node-runtime',
    signal,
    onError: (error) => logger.warn({ err: error }, 'an event could not be written'),
  });
  const tell = (
    object: Parameters<typeof recorder.record>[0],
    type: 'Normal' | 'Warning',
    reason: string,
    message: string,
  ): void => recorder.record(object, { type, reason, message });

  const caches = createCaches(client, (error) => logger.debug({ err: error }, 'a watch was interrupted'));
  const powered = new Map<string, boolean>();
  const isPowered = (node: string): boolean => powered.get(node) ?? true;
  const others = user ? (options.usersOfNamespaces ?? new Map<string, RuntimeUser>()) : new Map<string, RuntimeUser>();
  const manager = createPodManager({
    runtimeOf: (namespace) => {
      const other = others.get(namespace);
      return other ? { ...runtime, user: other, uid: other.uid } : runtime;
    },
    layout,
    client,
    caches,
    nodes,
    isPowered,
    // Each user's run folders lie in a parent of its own.
    runBaseOf: (owner) => (owner === uid ? (options.runBase ?? defaultRunBase(uid)) : defaultRunBase(owner)),
    logger,
    tell,
    signal,
  });
  const ownUid = user ? { uid } : {};
  const uids = user ? [uid, ...[...others.values()].map((other) => other.uid)] : [undefined];
  const killNode = (node: string): Promise<number> =>
    killAll(
      () =>
        uids.flatMap((owner) =>
          findProcesses({
            roots: manager.workersOf(node).flatMap((worker) => worker.own().roots),
            folders: [layout.node(node)],
            markers: [`POLARSTACK_ROOT=${layout.pods(node)}/`],
            ...(owner === undefined ? {} : { uid: owner }),
          }),
        ),
      { clock },
    );

  const keeper = createNodeKeeper({
    client,
    nodes,
    images,
    machine: await machineFacts(home),
    clock,
    logger,
    podsOf: (node) => caches.pods.list().filter((pod) => pod.spec?.nodeName === node),
  });
  const provisioner = createProvisioner({
    client,
    caches,
    layout,
    nodes: nodes.map(({ name }) => name),
    ...(user ? { user } : {}),
    logger,
    clock,
    events: recorder,
    killIn: async (folder) => {
      await killAll(() => findProcesses({ roots: [], folders: [folder], markers: [], ...ownUid }), { clock });
    },
  });

  await provisioner.ensureClass(signal);
  for (const spec of nodes) {
    const node = await keeper.register(spec, isPoweredOn, signal);
    powered.set(spec.name, isPoweredOn(node));
    // Whatever an earlier control left on a node that is off, it must be gone before anything looks at it.
    if (!isPoweredOn(node)) await killNode(spec.name);
  }
  const informers = caches.start(signal);
  await untilAborted(caches.synced, signal);
  await manager.start();

  const logs = createLogKeeper({ current: manager.currentLogs, maxBytes: runtime.maxLogBytes, clock, logger });
  const scheduler = createScheduler({ client, caches, provisioner, logger, now: () => clock.now(), tell });
  const power = createPowerController({
    caches,
    keeper,
    nodes,
    killNode,
    logger,
    setPower(node, on) {
      powered.set(node, on);
      for (const worker of manager.workersOf(node)) worker.setPower(on);
    },
  });
  const running = Promise.all([
    informers,
    power.run(signal),
    scheduler.run(signal),
    provisioner.claimController.run(signal),
    provisioner.volumeController.run(signal),
    createEndpointController({ client, caches, logger }).run(signal),
    keeper.run(isPowered, signal),
    logs.run(signal),
    keepRunFolders({ current: manager.runFolders, uid, clock, logger }, signal),
  ]);
  running.catch((error: unknown) => logger.error({ err: error }, 'a part of the node runtime ended'));
  const connectorAs = (who: RuntimeUser | undefined): PodConnector =>
    createConnector({
      worker: manager.find,
      isPowered: (worker) => isPowered(manager.nodeOf(worker) ?? ''),
      logs,
      signal,
      ...(who ? { user: who } : {}),
    });
  const ordinary = connectorAs(user);
  const connector: PodConnector = {
    logs: (...args) => ordinary.logs(...args),
    exec: async (ref, request, callSignal) => {
      const other = others.get(ref.namespace);
      return await (other ? connectorAs(other) : ordinary).exec(ref, request, callSignal);
    },
  };

  async function close(): Promise<void> {
    own.abort();
    await running;
    await manager.settled();
  }

  return {
    ...connector,
    connector,
    close,
    async shutdown({ deadlineMs }) {
      await manager.shutdown(deadlineMs);
      await recorder.flush();
      await close();
    },
  };
}

async function untilAborted(work: Promise<void>, signal: AbortSignal): Promise<void> {
  await Promise.race([
    work,
    new Promise<never>((_, reject) => {
      const abort = (): void => reject(signal.reason);
      if (signal.aborted) abort();
      else signal.addEventListener('abort', abort, { once: true });
    }),
  ]);
}

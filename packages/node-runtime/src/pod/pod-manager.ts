/** All pods of this machine: a worker for each that is bound to one of our nodes, and for each that was left behind. */
import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from '@polarstack/base';
import { ConfigMaps, type KubeClient, PersistentVolumeClaims, Secrets } from '@polarstack/kube';
import type { Pod, Volume } from 'kubernetes-types/core/v1.js';
import type { Caches } from '../cluster/caches.ts';
import { claimsOf } from '../cluster/volumes.ts';
import { type Layout, type PodId, parsePodFolder } from '../layout.ts';
import type { ProcessScope } from '../process/find-processes.ts';
import type { NodeSpec } from '../types.ts';
import { createAddresses } from './addresses.ts';
import type { RuntimeContext, TellEvent } from './container-context.ts';
import { readPodRecord } from './pod-record.ts';
import { type PodWorker, startPodWorker } from './pod-worker.ts';

export interface PodManagerOptions {
  /** What pods of a namespace share. */
  readonly runtimeOf: (namespace: string) => RuntimeContext;
  readonly layout: Layout;
  readonly client: KubeClient;
  readonly caches: Caches;
  readonly nodes: readonly NodeSpec[];
  readonly isPowered: (node: string) => boolean;
  /** Parent of the run folders of a user's pods. */
  readonly runBaseOf: (uid: number) => string;
  readonly logger: Logger;
  readonly tell: (pod: Pod, ...event: Parameters<TellEvent>) => void;
  readonly signal: AbortSignal;
}

export interface PodManager {
  /** Adopts what an earlier control left, and follows the pods of the API from then on. */
  start(): Promise<void>;
  readonly find: (namespace: string, name: string) => PodWorker | undefined;
  workersOf(node: string): readonly PodWorker[];
  nodeOf(worker: PodWorker): string | undefined;
  /** Logs that are being written. */
  readonly currentLogs: () => readonly string[];
  /** Run folders of all pods, as their records name them. */
  readonly runFolders: () => Promise<readonly string[]>;
  /** Stops all pods; starts none again. */
  shutdown(deadlineMs: number): Promise<void>;
  /** Resolves when no worker works any more (after the signal). */
  settled(): Promise<void>;
}

interface Entry {
  readonly worker: PodWorker;
  readonly node: string;
  readonly id: PodId;
}

const mounts = (volume: Volume, kind: 'secret' | 'configMap', name: string): boolean => {
  const projected = volume.projected?.sources ?? [];
  return kind === 'secret'
    ? volume.secret?.secretName === name || projected.some((source) => source.secret?.name === name)
    : volume.configMap?.name === name || projected.some((source) => source.configMap?.name === name);
};

export function createPodManager(options: PodManagerOptions): PodManager {
  const { layout, client, caches, nodes, signal } = options;
  const entries = new Map<string, Entry>();
  /** Uids of pods of which nothing is left here, though their objects may still be there (finalizers). */
  const finished = new Set<string>();
  const addresses = createAddresses();
  let accepting = true;

  const othersThan = (uid: string, node: string): readonly Pick<ProcessScope, 'roots' | 'markers'>[] =>
    [...entries].filter(([other, entry]) => other !== uid && entry.node === node).map(([, { worker }]) => worker.own());

  function startWorker(id: PodId, node: NodeSpec, pod: Pod | undefined): void {
    const { namespace, uid } = id;
    const runtime = options.runtimeOf(namespace);
    const worker = startPodWorker({
      runtime,
      layout,
      client,
      node,
      id,
      ...(pod ? { pod } : {}),
      powered: options.isPowered(node.name),
      runBase: options.runBaseOf(runtime.uid),
      sources: {
        configMap: (name) => client.find(ConfigMaps, { namespace, name }, signal),
        secret: (name) => client.find(Secrets, { namespace, name }, signal),
      },
      boundVolume: async (name) => {
        const claim = await client.find(PersistentVolumeClaims, { namespace, name }, signal);
        return claim?.status?.phase === 'Bound' ? claim.spec?.volumeName : undefined;
      },
      allocateAddress: () => addresses.allocate(uid, node),
      others: () => othersThan(uid, node.name),
      tell: options.tell,
      signal,
    });
    entries.set(uid, { worker, node: node.name, id });
    void worker.done.then(() => {
      if (signal.aborted || !accepting) return;
      entries.delete(uid);
      finished.add(uid);
      addresses.release(uid);
    });
  }

  function onPod(pod: Pod, deleted: boolean): void {
    const { uid = '', name = '', namespace = '' } = pod.metadata ?? {};
    const entry = entries.get(uid);
    if (deleted) {
      entry?.worker.update(undefined);
      finished.delete(uid);
      return;
    }
    if (entry) {
      entry.worker.update(pod);
      return;
    }
    const node = nodes.find((candidate) => candidate.name === pod.spec?.nodeName);
    if (node && accepting && !finished.has(uid)) startWorker({ namespace, name, uid }, node, pod);
  }

  function refreshMounting(kind: 'secret' | 'configMap', namespace: string, name: string): void {
    for (const { worker, id } of entries.values()) {
      if (id.namespace !== namespace) continue;
      const pod = caches.pods.get(`${id.namespace}/${id.name}`);
      if (pod?.spec?.volumes?.some((volume) => mounts(volume, kind, name))) worker.refresh();
    }
  }

  /** Pods whose folders are here and whose objects are not: deleted while nobody was looking. */
  async function findLeftBehind(known: ReadonlySet<string>): Promise<void> {
    for (const node of nodes) {
      await mkdir(layout.pods(node.name), { recursive: true, mode: 0o711 });
      await mkdir(layout.volumes(node.name), { recursive: true, mode: 0o711 });
      for (const name of await readdir(layout.pods(node.name))) {
        const id = parsePodFolder(name);
        if (!id) continue;
        const record = await readPodRecord(join(layout.pods(node.name), name));
        if (record && record.podIP !== node.address) addresses.reserve(id.uid, record.podIP);
        if (!known.has(`${node.name}/${id.uid}`)) {
          options.logger.info({ pod: `${id.namespace}/${id.name}`, node: node.name }, 'removing a pod left behind');
          startWorker(id, node, undefined);
        }
      }
    }
  }

  return {
    async start() {
      const pods = caches.pods.list();
      await findLeftBehind(new Set(pods.map((pod) => `${pod.spec?.nodeName}/${pod.metadata?.uid}`)));
      for (const pod of pods) onPod(pod, false);
      await Promise.all([...entries.values()].map(({ worker }) => worker.adopted));
      caches.pods.onChange(({ type, object }) => onPod(object, type === 'DELETED'));
      caches.secrets.onChange(({ object: { metadata } }) =>
        refreshMounting('secret', metadata?.namespace ?? '', metadata?.name ?? ''),
      );
      caches.configMaps.onChange(({ object: { metadata } }) =>
        refreshMounting('configMap', metadata?.namespace ?? '', metadata?.name ?? ''),
      );
      caches.claims.onChange(({ object: { metadata } }) => {
        for (const { worker, id } of entries.values()) {
          const pod = caches.pods.get(`${id.namespace}/${id.name}`);
          const uses = pod && claimsOf(pod).includes(metadata?.name ?? '');
          if (uses && id.namespace === metadata?.namespace) worker.refresh();
        }
      });
    },
    find: (namespace, name) =>
      [...entries.values()].find(({ id }) => id.namespace === namespace && id.name === name)?.worker,
    workersOf: (node) => [...entries.values()].filter((entry) => entry.node === node).map(({ worker }) => worker),
    nodeOf: (worker) => entries.get(worker.id.uid)?.node,
    currentLogs: () =>
      [...entries.values()].flatMap(({ worker }) =>
        worker
          .views()
          .filter((view) => view.state === 'running')
          .map((view) => worker.logPath(view.name, view.run)),
      ),
    async runFolders() {
      const places = [...entries.values()].map(({ id, node }) => layout.pod(node, id));
      const records = await Promise.all(places.map(readPodRecord));
      return records.flatMap((record) => record?.runFolder ?? []);
    },
    async shutdown(deadlineMs) {
      accepting = false;
      await Promise.all([...entries.values()].map(({ worker }) => worker.shutdown(deadlineMs)));
    },
    async settled() {
      await Promise.all([...entries.values()].map(({ worker }) => worker.done));
    },
  };
}

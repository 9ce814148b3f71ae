/**
 * Watches the HA records and runs one actor for each of them.
 *
 * One replica does all clusters. Several, each owning some, need only that a record names its owner (a field of its own, under the
 * same compare-and-swap): what an actor does depends on the record alone, and agents refuse what a newer decision has overtaken.
 */
import { setMaxListeners } from 'node:events';
import { labels } from '@polarstack/api';
import { type Clock, type Logger, systemClock, toStackError } from '@polarstack/base';
import { ConfigMaps, createInformer, type KubeClient, objectKey, Pods } from '@polarstack/kube';
import type { ConfigMap, Pod } from 'kubernetes-types/core/v1.js';
import { type ClusterActor, podFace, startClusterActor } from './cluster/actor.ts';
import { createMetrics, type Metrics } from './metrics.ts';

export interface ClusterManagerOptions {
  readonly client: KubeClient;
  readonly logger: Logger;
  readonly metrics?: Metrics;
  readonly clock?: Clock;
  /** Stops it, as `close()` does. */
  readonly signal: AbortSignal;
}

export interface ClusterManager {
  /** Stops everything; what is under way is gone on with by whoever starts next. */
  close(): Promise<void>;
}

/** Resolves when its copies of the API's objects are there. */
export async function startClusterManager(options: ClusterManagerOptions): Promise<ClusterManager> {
  const { client, logger, clock = systemClock, metrics = createMetrics() } = options;
  const stop = new AbortController();
  const signal = AbortSignal.any([options.signal, stop.signal]);
  setMaxListeners(0, signal);
  const onError = (error: unknown): void => logger.warn({ err: toStackError(error) }, 'a watch broke; it is resumed');
  const watching = { client, clock, onError };
  const records = createInformer<ConfigMap, 'cluster'>({
    ...watching,
    resource: ConfigMaps,
    labelSelector: labels.haRecord,
    indexes: { cluster: (object) => [clusterOf(object, labels.cluster)] },
  });
  const pods = createInformer<Pod>({ ...watching, resource: Pods, labelSelector: labels.clusterName });
  const actors = new Map<string, { readonly actor: ClusterActor; readonly end: AbortController }>();
  const ending = new Set<Promise<void>>();

  const begin = (object: ConfigMap): void => {
    const { namespace = 'default', name = '' } = object.metadata ?? {};
    const cluster = object.metadata?.labels?.[labels.cluster] ?? '';
    const end = new AbortController();
    const actor = startClusterActor({
      client,
      records,
      pods,
      key: { namespace, name },
      cluster,
      clock,
      log: logger.child({ namespace, cluster }),
      metrics,
      signal: AbortSignal.any([signal, end.signal]),
    });
    actors.set(objectKey(object), { actor, end });
    metrics.setClusters(actors.size);
  };
  const finish = (object: ConfigMap): void => {
    const known = actors.get(objectKey(object));
    if (!known) return;
    actors.delete(objectKey(object));
    metrics.setClusters(actors.size);
    known.end.abort();
    const { ended } = known.actor;
    ending.add(ended);
    void ended.finally(() => ending.delete(ended));
  };

  const running = Promise.all([records.start(signal), pods.start(signal)]);
  await Promise.race([Promise.all([records.synced, pods.synced]), running]);
  // Not before: without its pods an actor would take every agent for one that does not answer.
  records.onChange(({ type, object }) => {
    if (type === 'DELETED') finish(object);
    else if (!actors.has(objectKey(object))) begin(object);
    else actors.get(objectKey(object))?.actor.wake();
  });
  pods.onChange((change) => {
    if (change.type === 'MODIFIED' && podFace(change.object) === podFace(change.previous)) return;
    for (const record of records.byIndex('cluster', clusterOf(change.object, labels.clusterName)))
      actors.get(objectKey(record))?.actor.wake();
  });

  logger.info({ clusters: records.list().length }, 'watching');

  return {
    close: async () => {
      stop.abort();
      await running;
      await Promise.all([...[...actors.values()].map(({ actor }) => actor.ended), ...ending]);
    },
  };
}

const clusterOf = ({ metadata }: ConfigMap | Pod, label: string): string =>
  `${metadata?.namespace ?? 'default'}/${metadata?.labels?.[label] ?? ''}`;

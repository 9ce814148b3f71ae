/**
 * The life of one cluster's actor: woken by changes of its record and its pods, and by the clock for what no change tells.
 *
 * Invariants (tests cite them):
 * - L1 While nothing is under way and nothing changes, the API is asked nothing.
 * - L2 What one cluster waits for delays no other.
 */
import { labels } from '@polarstack/api';
import { type Clock, type Logger, toStackError } from '@polarstack/base';
import { converge, type HaRecord, pauseAfter, tend } from '@polarstack/ha';
import { type Informer, type KubeClient, type ObjectKey, objectKey } from '@polarstack/kube';
import type { ConfigMap, Pod } from 'kubernetes-types/core/v1.js';
import type { Metrics } from '../metrics.ts';
import { createClusterAgents } from './agents.ts';
import { createPorts } from './ports.ts';
import { createRecordStore, recordIn } from './record-store.ts';

export interface ClusterActorOptions {
  readonly client: KubeClient;
  readonly records: Pick<Informer<ConfigMap>, 'get'>;
  readonly pods: Pick<Informer<Pod>, 'get'>;
  /** Of the record's ConfigMap. */
  readonly key: Required<ObjectKey>;
  /** Name of the cluster. */
  readonly cluster: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly signal: AbortSignal;
}

export interface ClusterActor {
  /** Something has changed. */
  wake(): void;
  /** Resolves when it has ended, after its signal. */
  readonly ended: Promise<void>;
}

/** Agents are looked at this often: one that comes back, or was restarted, tells nobody. */
const LOOK_MS = 10_000;
/** Where a member is not well it is looked at again sooner. */
const LOOK_AGAIN_MS = 1_000;

export function startClusterActor(options: ClusterActorOptions): ClusterActor {
  const { client, records, pods, key, clock, log, metrics, signal } = options;
  const cluster = { namespace: key.namespace, name: options.cluster };
  const agents = createClusterAgents(client, cluster);
  let members: HaRecord['members'] = {};
  const inner = createPorts({ client, pods, cluster, agents, members: () => members });
  const store = createRecordStore(client, key);
  let nap = new AbortController();
  let woken = true;
  let complained: string | undefined;

  /** One pass; answers when to look again, in milliseconds. */
  const pass = async (): Promise<number> => {
    const object = records.get(objectKey({ metadata: key }));
    if (!object) return LOOK_MS;
    const record = recordIn(object);
    ({ members } = record);
    const isIdle = record.switch === undefined && record.request === undefined;
    const seen = isIdle
      ? await converge(record, { ports: inner, clock, signal })
      : await tend({
          store,
          ports: inner,
          clock,
          log,
          signal,
          onWrite: (before, after) => {
            ({ members } = after);
            metrics.note(before, after);
          },
        });
    for (const text of isIdle ? (seen?.done ?? []) : []) log.info({}, text);
    const left = Object.entries(seen?.left ?? {}).map(([id, why]) => `${id}: ${why}`);
    const text = left.join('; ');
    if (text !== (complained ?? '')) log.info({ left: seen?.left }, text || 'every member follows');
    complained = text;
    return left.length > 0 ? LOOK_AGAIN_MS : LOOK_MS;
  };

  const run = async (): Promise<void> => {
    for (let failures = 0; !signal.aborted; ) {
      woken = false;
      let pause: number;
      try {
        pause = await pass();
        failures = 0;
      } catch (error) {
        if (signal.aborted) break;
        const { code, message } = toStackError(error);
        log.warn({ code, ...(code === 'Internal' ? { err: error } : {}) }, message);
        pause = pauseAfter(failures++);
      }
      if (woken) continue;
      nap = new AbortController();
      const either = AbortSignal.any([signal, nap.signal]);
      await clock.sleep(pause, either).catch(() => undefined);
    }
    agents.close();
  };

  return {
    wake: () => {
      woken = true;
      nap.abort();
    },
    ended: run(),
  };
}

/** What of a pod says anything about its agent. */
export const podFace = ({ metadata, status }: Pod): string =>
  JSON.stringify([
    metadata?.uid,
    metadata?.deletionTimestamp,
    metadata?.labels?.[labels.role],
    status?.podIP,
    status?.containerStatuses?.map(({ ready, restartCount }) => [ready, restartCount]),
  ]);

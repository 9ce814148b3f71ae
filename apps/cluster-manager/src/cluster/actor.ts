/**
 * The life of one cluster's actor: woken by changes of its record and its pods, by the pulses of its agents, and by the clock for
 * what no change tells.
 *
 * Invariants (tests cite them):
 * - L1 While nothing is under way and nothing changes, the API is asked nothing.
 * - L2 What one cluster waits for delays no other.
 */
import { labels } from '@polarstack/api';
import { type Clock, type Logger, toStackError } from '@polarstack/base';
import { type HaRecord, pauseAfter, type Suspicion, tend } from '@polarstack/ha';
import { type Informer, type KubeClient, type ObjectKey, objectKey } from '@polarstack/kube';
import type { ConfigMap, Pod } from 'kubernetes-types/core/v1.js';
import type { Metrics } from '../metrics.ts';
import { createClusterAgents } from './agents.ts';
import { createPorts } from './ports.ts';
import { createRecordStore } from './record-store.ts';
import { createSessions } from './sessions.ts';

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
/** Where the primary is not well, time alone can make a failure of it. */
const SUSPECT_MS = 250;

export function startClusterActor(options: ClusterActorOptions): ClusterActor {
  const { client, records, pods, key, clock, log, metrics, signal } = options;
  const cluster = { namespace: key.namespace, name: options.cluster };
  const agents = createClusterAgents(client, cluster);
  let members: HaRecord['members'] = {};
  const inner = createPorts({ client, pods, cluster, agents, members: () => members });
  const store = createRecordStore(client, key);
  let nap = new AbortController();
  let woken = true;
  let complained = '';
  let suspected: string | undefined;
  const wake = (): void => {
    woken = true;
    nap.abort();
  };
  const sessions = createSessions({ source: inner.pulsesOf, clock, log, onNews: wake, signal });

  /** Says once what the pulses say of the primary, and what keeps it from a failover. */
  const tell = ({ judgement, guards }: Suspicion): void => {
    const { verdict, instance, reasons } = judgement;
    const why = [...reasons, ...guards].find(({ holds }) => !holds);
    if (verdict === (suspected ?? 'unknown')) return;
    suspected = verdict;
    const fields = { primary: instance, verdict, ...(why && { guard: why.guard }) };
    if (verdict === 'well') log.info(fields, `primary ${instance} is well`);
    else log.warn(fields, why?.text ?? `primary ${instance} is ${verdict}`);
  };

  /** One pass; answers when to look again, in milliseconds. */
  const pass = async (): Promise<number> => {
    const object = records.get(objectKey({ metadata: key }));
    if (!object) return LOOK_MS;
    const known = store.known(object);
    ({ members } = known.record);
    sessions.keep(Object.keys(members));
    const seen = await tend({
      store,
      known,
      ports: inner,
      pulses: () => sessions.pulses,
      clock,
      log,
      signal,
      onWrite: (before, after) => {
        ({ members } = after);
        metrics.note(before, after);
      },
    });
    if (!seen) return LOOK_MS;
    tell(seen.suspicion);
    const text = Object.entries(seen.left)
      .map(([id, why]) => `${id}: ${why}`)
      .join('; ');
    if (text !== complained) log.info({ left: seen.left }, text || 'every member follows');
    complained = text;
    const { verdict } = seen.suspicion.judgement;
    if (verdict !== 'well' && verdict !== 'unknown' && verdict !== 'away') return SUSPECT_MS;
    return text === '' ? LOOK_MS : LOOK_AGAIN_MS;
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
    await sessions.ended;
    agents.close();
  };

  return {
    wake: () => {
      sessions.retryNow();
      wake();
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

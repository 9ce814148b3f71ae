import { names } from '@polarstack/api';
import type { HaRecord } from '@polarstack/ha';
import type { Informer } from '@polarstack/kube';
import type { ConfigMap } from 'kubernetes-types/core/v1.js';
import type { ClusterKey } from '../kube/cluster-status-writer.ts';
import { recordIn } from './ha-record.ts';

/** The records of all clusters, kept current. */
export interface WatchedRecords {
  /** Undefined where there is none, or not this cluster's; throws `HaRecordInvalid` or `HaRecordNewer`. */
  of(cluster: ClusterKey): HaRecord | undefined;
  /** Resolves when `check` answers something of the cluster's record, now or after a later change. */
  until<T>(
    cluster: ClusterKey,
    check: (record: HaRecord | undefined) => T | undefined,
    signal: AbortSignal,
  ): Promise<T>;
}

export function createWatchedRecords(configMaps: Pick<Informer<ConfigMap>, 'get' | 'onChange'>): WatchedRecords {
  const parsed = new WeakMap<ConfigMap, HaRecord>();
  const of: WatchedRecords['of'] = ({ namespace, name, uid }) => {
    const object = configMaps.get(`${namespace}/${names.haRecord(name)}`);
    if (!object) return undefined;
    const record = parsed.get(object) ?? recordIn(object);
    parsed.set(object, record);
    return record.cluster.uid === uid ? record : undefined;
  };
  return {
    of,
    until: async (cluster, check, signal) =>
      await new Promise((resolve, reject) => {
        const look = (): boolean => {
          const answer = check(of(cluster));
          if (answer === undefined) return false;
          end();
          resolve(answer);
          return true;
        };
        const fail = (error: unknown): void => {
          end();
          reject(error);
        };
        const onAbort = (): void => fail(signal.reason);
        let end = (): void => {};
        try {
          signal.throwIfAborted();
          if (look()) return;
        } catch (error) {
          fail(error);
          return;
        }
        signal.addEventListener('abort', onAbort, { once: true });
        const remove = configMaps.onChange(({ object }) => {
          if (object.metadata?.name !== names.haRecord(cluster.name)) return;
          try {
            look();
          } catch (error) {
            fail(error);
          }
        });
        end = (): void => {
          signal.removeEventListener('abort', onAbort);
          remove();
        };
      }),
  };
}

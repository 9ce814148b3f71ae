/** Asks for what a cluster needs by itself; decides nothing: packages/domain/src/operations/automatic.ts does. */
import { type MPDCluster, type MPDOperation, MPDOperations } from '@polarstack/api';
import { type Clock, isStackError } from '@polarstack/base';
import {
  automaticOperation,
  type ClusterSeen,
  ceilingReached,
  newOperation,
  planCluster,
  proofOf,
  type VolumeFacts,
} from '@polarstack/domain';
import type { HaRecord } from '@polarstack/ha';
import type { EventRecorder, KubeClient } from '@polarstack/kube';

export interface AutomationOptions {
  readonly client: Pick<KubeClient, 'create'>;
  readonly events: Pick<EventRecorder, 'record'>;
  readonly clock: Clock;
  /** The volumes of a cluster in the copy of the API's objects. */
  readonly volumes: (cluster: MPDCluster) => readonly VolumeFacts[];
}

/** Since when an instance is proven broken; a proof that changes in its details goes on. */
type Broken = ReadonlyMap<string, { readonly since: number; readonly proof: string }>;

export function createAutomation({ client, events, clock, volumes }: AutomationOptions) {
  const known = new Map<string, Broken>();
  const full = new Map<string, string>();

  const brokenNow = (cluster: MPDCluster, seen: ClusterSeen, record: HaRecord | undefined): Broken => {
    const uid = cluster.metadata.uid ?? '';
    const before = known.get(uid);
    const found = planCluster({ cluster, seen });
    const broken = (found?.replicas ?? []).flatMap(({ instanceId, seen: replica }) => {
      const proof = proofOf(replica, found?.primary.seen, record?.epochs ?? []);
      const since = before?.get(instanceId)?.since ?? clock.monotonic();
      return proof === undefined ? [] : [[instanceId, { since, proof }] as const];
    });
    const next = new Map(broken);
    known.set(uid, next);
    return next;
  };

  const tellFull = (cluster: MPDCluster, of: readonly VolumeFacts[]): void => {
    const uid = cluster.metadata.uid ?? '';
    const message = ceilingReached(cluster, of);
    if (message !== undefined && full.get(uid) === undefined) {
      events.record(cluster, { type: 'Warning', reason: 'VolumeCeilingReached', message });
    }
    if (message === undefined) full.delete(uid);
    else full.set(uid, message);
  };

  return {
    /** Makes the operation that the cluster needs; answers whether there is a new one. */
    act: async (
      cluster: MPDCluster,
      seen: ClusterSeen,
      record: HaRecord | undefined,
      operations: readonly MPDOperation[],
      signal: AbortSignal,
    ): Promise<boolean> => {
      const broken = brokenNow(cluster, seen, record);
      const of = volumes(cluster);
      tellFull(cluster, of);
      const now = clock.monotonic();
      const wish = automaticOperation({
        cluster,
        seen,
        volumes: of,
        operations,
        switching: record?.switch !== undefined || record?.request !== undefined,
        brokenFor: new Map([...broken].map(([id, { since, proof }]) => [id, { proof, forMs: now - since }])),
        now: clock.now(),
      });
      if (!wish) return false;
      const { type, parameters, reason, requester, name } = wish;
      const operation = newOperation(cluster, type, [reason], { name, parameters, requester });
      try {
        await client.create(MPDOperations, operation as MPDOperation, signal);
      } catch (error) {
        if (!isStackError(error, 'AlreadyExists')) throw error;
        return false;
      }
      events.record(cluster, { type: 'Warning', reason: 'OperationBegun', message: `Operation ${name}: ${reason}` });
      return true;
    },
    forget: (uid: string): void => {
      known.delete(uid);
      full.delete(uid);
    },
  };
}

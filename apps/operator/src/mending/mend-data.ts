import type { MPDCluster } from '@polarstack/api';
import { StackError } from '@polarstack/base';
import type { AgentApi, AgentStatus } from '@polarstack/contracts';
import { buildVolumeClaim, clusterFacts, instanceResources, type Member, primaryOf } from '@polarstack/domain';
import { PersistentVolumeClaims, Pods } from '@polarstack/kube';
import type { PersistentVolumeClaim } from 'kubernetes-types/core/v1.js';
import { slotsFor } from '../steps/bootstrap-primary.ts';
import { engineConfig } from '../steps/ensure-parameters.ts';
import { upstreamOf } from '../steps/join-replicas.ts';
import { membersOf, type Services } from '../steps/services.ts';
import { beside, type Content } from './content.ts';
import { mendObject } from './mend-object.ts';

/** How soon a copy that failed is begun anew, in milliseconds. */
const COPY_AGAIN_MS = 15_000;

/**
 * Makes sure of the volume claim of an instance. A replica whose claim is gone gets a new one, and a copy of the primary
 * in it later. The primary's data is nowhere else: it never gets an empty volume. Throws `DataMissing` where no pod may
 * be made for the instance.
 */
export async function mendClaim(
  cluster: MPDCluster,
  member: Member,
  { client, catalog, events, pods }: Pick<Services, 'client' | 'catalog' | 'events' | 'pods'>,
  content: Pick<Content, 'claims'>,
  signal: AbortSignal,
): Promise<void> {
  const resources = instanceResources(cluster, catalog.instanceClass(cluster.status?.insClassInfo?.className ?? ''));
  const wanted = buildVolumeClaim(clusterFacts(cluster), member, resources);
  const make = async (): Promise<PersistentVolumeClaim> => {
    const what = `volume claim ${member.pod} of the ${member.role} is gone, and its data with it`;
    if (member.role === 'primary') throw new StackError('DataMissing', what, { remedy: PRIMARY_REMEDY });
    const key = { namespace: cluster.metadata.namespace ?? 'default', name: member.pod };
    const pod = pods.get(beside(cluster, member.pod));
    // It was made for the volume that is gone.
    if (pod && !pod.metadata?.deletionTimestamp) await client.delete(Pods, key, {}, signal);
    if (pod) throw new StackError('DataMissing', what, { remedy: 'It is copied anew from the primary.' });
    return await client.create(PersistentVolumeClaims, wanted, signal);
  };
  const known = content.claims.get(beside(cluster, member.pod));
  const options = { client, resource: PersistentVolumeClaims, known, wanted, owner: cluster, make };
  const { object, done } = await mendObject(options, signal);
  if (object?.metadata?.deletionTimestamp !== undefined) {
    const what = `volume claim ${member.pod} of the ${member.role} is being deleted: its data goes when its pod ends`;
    const remedy =
      member.role === 'primary'
        ? 'Leave the pod alone and save the data now, with pg_dumpall for instance.'
        : 'Delete the pod when it suits: the replica is then copied anew from the primary.';
    throw new StackError('DataMissing', what, { remedy });
  }
  if (done !== 'made') return;
  const message = `The data of ${member.pod} was gone: it gets a new volume and a copy of the primary`;
  events.record(cluster, { type: 'Warning', reason: 'ReplicaRebuilding', message });
}

const PRIMARY_REMEDY =
  'It stays down, because an empty primary would pass for the database. Restore the claim with its data, or delete ' +
  'the cluster and restore it from a backup.';

/** Copies the primary into a replica without data; throws `DataMissing` for as long as there is none. */
export async function refill(
  cluster: MPDCluster,
  member: Member,
  agent: AgentApi,
  report: AgentStatus,
  primaryAt: { readonly podIP: string | undefined; readonly epoch: number | undefined },
  services: Pick<Services, 'catalog' | 'client' | 'clock'>,
  signal: AbortSignal,
): Promise<void> {
  const membership = membersOf(cluster);
  const primary = primaryOf(membership);
  if (member.role === 'primary') {
    throw new StackError('DataMissing', `the volume of primary ${member.pod} is empty`, { remedy: PRIMARY_REMEDY });
  }
  const { task } = report;
  const now = services.clock.now();
  const failedAt = task?.state === 'failed' ? Date.parse(task.finishedAt ?? '') : Number.NaN;
  const waiting = task?.state === 'running' || now.getTime() - failedAt < COPY_AGAIN_MS;
  const { epoch } = primaryAt;
  if (!waiting && primary && primaryAt.podIP !== undefined && epoch !== undefined) {
    const upstream = upstreamOf(clusterFacts(cluster), primary, primaryAt.podIP, member);
    const bootstrap = {
      kind: 'basebackup',
      term: { epoch, role: 'replica', upstream },
      config: await engineConfig(cluster, services, signal),
      slots: slotsFor(membership, member),
    } as const;
    await agent.bootstrap(`rebuild-${member.instanceId}-${now.getTime()}`, bootstrap, signal);
  }
  const failed = task?.state === 'failed' && task.error ? ` (the last attempt: ${task.error.message})` : '';
  const what = `${member.pod} has no data: it is copied from the primary${failed}`;
  throw new StackError('DataMissing', what, { remedy: 'It goes on by itself; the primary must work for it.' });
}

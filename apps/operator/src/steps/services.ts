import type { MPDCluster } from '@polarstack/api';
import { type Clock, StackError } from '@polarstack/base';
import type { AgentDirectory, ClusterSeen, Membership } from '@polarstack/domain';
import { asApplied, recordedMembership, settledMembership, withPrimary } from '@polarstack/domain';
import type { EventRecorder, Informer, KubeClient } from '@polarstack/kube';
import type { Step, StepContext } from '@polarstack/workflow';
import type { Pod } from 'kubernetes-types/core/v1.js';
import { readRecord } from '../ha/ha-record.ts';
import type { WatchedRecords } from '../ha/watched-records.ts';
import type { Allocate } from '../kube/allocate.ts';
import type { Catalog } from '../kube/catalog.ts';
import { type ClusterKey, readCluster } from '../kube/cluster-status-writer.ts';
import type { Patience } from './patience.ts';

/** What steps work with. */
export interface Services {
  readonly client: KubeClient;
  readonly catalog: Catalog;
  /** Takes ids and ports that nobody else gets. */
  readonly allocate: Allocate;
  readonly agents: AgentDirectory;
  /** Pods of database clusters, kept current. */
  readonly pods: Pick<Informer<Pod>, 'get' | 'list'>;
  /** Who is primary, kept current. */
  readonly records: WatchedRecords;
  /** Looks at pods, agents and services of a cluster now. */
  readonly observe: (cluster: MPDCluster, signal: AbortSignal) => Promise<ClusterSeen>;
  readonly events: EventRecorder;
  readonly patience: Patience;
  readonly clock: Clock;
}

export type ClusterStep = Step<Services>;
export type ClusterStepContext = StepContext<Services>;

/** Input of every workflow of a cluster. */
export function keyOf({ context }: ClusterStepContext): ClusterKey {
  const { namespace, cluster, uid } = context;
  if (typeof namespace !== 'string' || typeof cluster !== 'string' || typeof uid !== 'string') {
    throw new StackError('Internal', 'the operation does not say which cluster it is for');
  }
  return { namespace, name: cluster, uid };
}

/** The cluster that the step works on, as it is now; its spec is the one that was recorded when its ids were, its roles the record's. */
export async function clusterOf(step: ClusterStepContext): Promise<MPDCluster> {
  const { client } = step.services;
  const key = keyOf(step);
  const [cluster, record] = await Promise.all([
    readCluster(client, key, step.signal),
    readRecord(client, key, step.signal),
  ]);
  return asApplied(withPrimary(cluster, record?.primary));
}

/** Its recorded members; a step after InitMeta can rely on them. */
export function membersOf(cluster: MPDCluster): Membership {
  const membership = recordedMembership(cluster);
  if (!membership) throw new StackError('Internal', `cluster ${cluster.metadata.name} has no recorded members`);
  return membership;
}

/** Those of its members that belong to it: without those that an operation is making or removing. */
export function settledOf(cluster: MPDCluster): Membership {
  return settledMembership(cluster) ?? membersOf(cluster);
}

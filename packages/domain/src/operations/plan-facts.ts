import type { MPDCluster } from '@polarstack/api';
import type { InstanceClass } from '../catalog/classes.ts';
import type { ParameterTemplate } from '../catalog/template.ts';
import type { EngineVersion } from '../catalog/versions.ts';
import { type Member, type Membership, primaryOf, settledMembership } from '../cluster/members.ts';
import type { ParameterItems } from '../parameters/item.ts';
import { type ClusterSeen, type InstanceSeen, troubleOf } from '../status/observation.ts';
import type { VolumeFacts } from './volumes.ts';

/** A node that could take an instance. */
export interface NodeFacts {
  readonly name: string;
  /** Ready, and not closed to new pods. */
  readonly schedulable: boolean;
  readonly images: readonly string[];
  /** Instances of this cluster on it. */
  readonly instances: readonly string[];
}

/** All that a plan is made from: gathered once, at one moment. */
export interface PlanFacts {
  readonly now: Date;
  readonly cluster: MPDCluster;
  readonly seen: ClusterSeen;
  readonly nodes: readonly NodeFacts[];
  readonly classes: ReadonlyMap<string, InstanceClass>;
  readonly versions: readonly EngineVersion[];
  readonly template: ParameterTemplate | undefined;
  /** What the users ask for (`<c>-user-params`) and what runs (`<c>-running-params`). */
  readonly parameters: {
    readonly user: ParameterItems;
    readonly running: ParameterItems;
    /** Keys of the user's ConfigMap that cannot be read, with the reason. */
    readonly broken: readonly { readonly key: string; readonly reason: string }[];
    readonly latestFlushTime: string;
    readonly canUpdateLocked: boolean;
  };
  /** Volumes by the names of their claims, which are those of the pods. */
  readonly volumes?: ReadonlyMap<string, VolumeFacts>;
}

/** An instance with what was seen of it. */
export interface PlanInstance extends Member {
  readonly node: string | undefined;
  readonly seen: InstanceSeen | undefined;
  /** What is wrong with it; undefined where it works. */
  readonly trouble: string | undefined;
}

export interface PlanCluster {
  readonly name: string;
  readonly membership: Membership;
  readonly primary: PlanInstance;
  /** By instance id. */
  readonly replicas: readonly PlanInstance[];
  readonly instances: readonly PlanInstance[];
}

/** The instances of a made cluster; undefined where it has no recorded primary. */
export function planCluster({ cluster, seen }: Pick<PlanFacts, 'cluster' | 'seen'>): PlanCluster | undefined {
  const membership = settledMembership(cluster);
  const leader = membership && primaryOf(membership);
  if (!membership || !leader) return undefined;
  const instances = membership.members.map((member): PlanInstance => {
    const found = seen.instances.get(member.instanceId);
    const node = found?.pod?.nodeName ?? cluster.status?.dbInstanceStatus?.[member.instanceId]?.nodeName;
    return { ...member, node, seen: found, trouble: troubleOf(found, member.role) };
  });
  const [primary] = instances.filter(({ role }) => role === 'primary');
  if (!primary) return undefined;
  return {
    name: cluster.metadata.name ?? '',
    membership,
    primary,
    replicas: instances.filter(({ role }) => role === 'replica'),
    instances,
  };
}

/** The instance of an id; also by the name of its pod, which people see more often. */
export const instanceOf = ({ instances }: PlanCluster, id: string): PlanInstance | undefined =>
  instances.find(({ instanceId, pod }) => instanceId === id || pod === id);

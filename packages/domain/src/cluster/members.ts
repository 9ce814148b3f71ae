import { type InstanceStatus, type MPDCluster, names } from '@polarstack/api';

export type MemberRole = 'primary' | 'replica';

/** One instance of a cluster: a place (`physicalId`) and its present incarnation (`instanceId`). */
export interface Member {
  readonly physicalId: string;
  readonly instanceId: string;
  /** Name of the pod, of its PVC, and prefix of its TLS Secret. */
  readonly pod: string;
  readonly role: MemberRole;
}

/** The ids of a cluster and its members, the primary first. */
export interface Membership {
  readonly logicId: string;
  readonly members: readonly Member[];
}

/** How many ids a new cluster takes: one for itself and two (place and incarnation) for each instance. */
export const idsNeeded = (followerNum: number): number => (followerNum + 1) * 2 + 1;

/** Deals consecutive ids as the original does: the cluster's, then place and incarnation of the RW, of RO 1, ... */
export function membershipFromIds(cluster: string, followerNum: number, firstId: number): Membership {
  const members = Array.from({ length: followerNum + 1 }, (_, i): Member => {
    const physicalId = String(firstId + 1 + 2 * i);
    const instanceId = String(firstId + 2 + 2 * i);
    return {
      physicalId,
      instanceId,
      pod: names.instance(cluster, physicalId, instanceId),
      role: i === 0 ? 'primary' : 'replica',
    };
  });
  return { logicId: String(firstId), members };
}

/** What the status has recorded; undefined where no ids were allocated yet. */
export function recordedMembership({ status }: Pick<MPDCluster, 'status'>): Membership | undefined {
  const instances = Object.values(status?.dbInstanceStatus ?? {});
  if (!status?.logicId || instances.length === 0) return undefined;
  const members = instances.map(memberOf).sort(primaryFirst);
  return { logicId: status.logicId, members };
}

/**
 * The members that belong to the cluster: without those that an operation is still making, or is removing. In a cluster that
 * is being made itself, all.
 */
export function settledMembership(cluster: Pick<MPDCluster, 'status'>): Membership | undefined {
  const membership = recordedMembership(cluster);
  const entries = cluster.status?.dbInstanceStatus ?? {};
  const settled = membership?.members.filter(({ instanceId }) => entries[instanceId]?.installed === true) ?? [];
  return membership && settled.length > 0 ? { ...membership, members: settled } : membership;
}

/** Ids of instances that are on their way in or out. */
export function unsettledIds({ status }: Pick<MPDCluster, 'status'>): readonly string[] {
  const entries = Object.entries(status?.dbInstanceStatus ?? {});
  if (!entries.some(([, { installed }]) => installed === true)) return [];
  return entries.flatMap(([id, { installed }]) => (installed === true ? [] : [id]));
}

/** Ids that an operation was given, as members; `operation` marks them, so that it finds them again. */
export interface NewMember {
  readonly member: Member;
  /** The instance whose place it takes. */
  readonly replaces?: InstanceStatus;
  readonly node?: string;
}

/** How many ids new members take: each an incarnation, and a place where it does not take another's. */
export const idsOfNew = (wanted: readonly { readonly replaces?: string }[]): number =>
  wanted.reduce((sum, { replaces }) => sum + (replaces === undefined ? 2 : 1), 0);

/** Members of a made cluster from consecutive ids. */
export function newMembers(
  cluster: Pick<MPDCluster, 'metadata' | 'status'>,
  wanted: readonly { readonly replaces?: string; readonly node?: string }[],
  firstId: number,
): readonly NewMember[] {
  let next = firstId;
  return wanted.map(({ replaces, node }): NewMember => {
    const old = replaces === undefined ? undefined : cluster.status?.dbInstanceStatus?.[replaces];
    const physicalId = old?.physicalInsId ?? String(next++);
    const instanceId = String(next++);
    const pod = names.instance(cluster.metadata.name ?? '', physicalId, instanceId);
    return {
      member: { physicalId, instanceId, pod, role: 'replica' },
      ...(old && { replaces: old }),
      ...(node !== undefined && { node }),
    };
  });
}

/** Their entries in the status, as {@link newInstanceEntries}; a place keeps the name that it had first. */
export function addedEntries(
  cluster: Pick<MPDCluster, 'metadata' | 'status'>,
  added: readonly NewMember[],
  operation: string,
): Readonly<Record<string, InstanceStatus>> {
  const [any] = Object.values(cluster.status?.dbInstanceStatus ?? {});
  const net = any?.netInfo;
  const ports = {
    host: net?.netType === 'host',
    enginePort: net?.workingPort ?? 0,
    agentPort: net?.agentPort ?? 0,
  };
  const logicId = cluster.status?.logicId ?? '';
  const namespace = cluster.metadata.namespace ?? 'default';
  return Object.fromEntries(
    added.flatMap(({ member, replaces, node }) => {
      const entries = newInstanceEntries({ logicId, members: [member] }, namespace, ports);
      return Object.entries(entries).map(([id, entry]): [string, InstanceStatus] => [
        id,
        {
          ...entry,
          operation,
          ...(replaces?.insName && { insName: replaces.insName }),
          ...(replaces?.versionInfo && { versionInfo: replaces.versionInfo }),
          ...(replaces?.insClassInfo && { insClassInfo: replaces.insClassInfo }),
          ...(node !== undefined && { nodeName: node }),
        },
      ]);
    }),
  );
}

function memberOf(entry: InstanceStatus): Member {
  return {
    physicalId: entry.physicalInsId ?? '',
    instanceId: entry.insId ?? '',
    pod: entry.podName ?? '',
    role: entry.insType === 'rw' ? 'primary' : 'replica',
  };
}

const primaryFirst = (a: Member, b: Member): number =>
  Number(b.role === 'primary') - Number(a.role === 'primary') || Number(a.instanceId) - Number(b.instanceId);

export function primaryOf({ members }: Membership): Member | undefined {
  return members.find(({ role }) => role === 'primary');
}

/** The cluster with the roles that the HA record gives its members; undefined: as its status says. */
export function withPrimary(cluster: MPDCluster, primary: string | undefined): MPDCluster {
  const entries = Object.entries(cluster.status?.dbInstanceStatus ?? {});
  if (primary === undefined || !entries.some(([id]) => id === primary)) return cluster;
  const typeOf = (id: string, { insType = 'ro' }: InstanceStatus): NonNullable<InstanceStatus['insType']> =>
    id === primary ? 'rw' : insType === 'rw' ? 'ro' : insType;
  if (entries.every(([id, entry]) => entry.insType === typeOf(id, entry))) return cluster;
  const dbInstanceStatus = Object.fromEntries(
    entries.map(([id, entry]) => [id, { ...entry, insType: typeOf(id, entry) }]),
  );
  return { ...cluster, status: { ...cluster.status, dbInstanceStatus } };
}

/** Entries of a status for members that do not exist yet: recorded before anything is made with their ids. */
export function newInstanceEntries(
  { members }: Membership,
  namespace: string,
  ports: { readonly enginePort: number; readonly agentPort: number; readonly host: boolean },
): Readonly<Record<string, InstanceStatus>> {
  return Object.fromEntries(
    members.map((member): [string, InstanceStatus] => [
      member.instanceId,
      {
        physicalInsId: member.physicalId,
        insId: member.instanceId,
        insName: member.instanceId,
        podName: member.pod,
        podNameSpace: namespace,
        installed: false,
        insType: member.role === 'primary' ? 'rw' : 'ro',
        netInfo: {
          netType: ports.host ? 'host' : 'pod',
          workingPort: ports.enginePort,
          agentPort: ports.agentPort,
        },
      },
    ]),
  );
}

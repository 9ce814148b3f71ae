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

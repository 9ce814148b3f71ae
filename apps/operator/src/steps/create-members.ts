import { names } from '@polarstack/api';
import { StackError } from '@polarstack/base';
import {
  buildVolumeClaim,
  clusterFacts,
  instanceResources,
  type Member,
  pinnedTo,
  serverLeaf,
} from '@polarstack/domain';
import { PersistentVolumeClaims, Pods, Secrets } from '@polarstack/kube';
import { authorityOf } from '../identity/authority.ts';
import { issueLeaf } from '../identity/issue-leaf.ts';
import { clusterKey } from '../kube/cluster-status-writer.ts';
import { ensure } from '../kube/ensure.ts';
import { addedIds, membersFrom } from './added-members.ts';
import { podOf } from './create-pods.ts';
import { clusterSecrets, serviceAddresses } from './ensure-secrets.ts';
import { type ClusterStep, type ClusterStepContext, clusterOf } from './services.ts';

/** Volume, certificate and pod of instances whose ids are recorded. What is there stays. */
export async function createMembers(step: ClusterStepContext, ids: readonly string[]): Promise<void> {
  const { client, catalog, clock } = step.services;
  const cluster = await clusterOf(step);
  const members = membersFrom(cluster, ids);
  const owner = clusterKey(cluster);
  const [existing, addresses] = await Promise.all([
    clusterSecrets(client, owner, step.signal),
    serviceAddresses(client, owner, step.signal),
  ]);
  const authority = authorityOf(existing.get(names.ca(owner.name)));
  if (!authority) {
    throw new StackError(
      'AuthorityMissing',
      `Secret ${names.ca(owner.name)} with the authority of the cluster is gone`,
    );
  }
  const facts = clusterFacts(cluster);
  const resources = instanceResources(cluster, catalog.instanceClass(cluster.status?.insClassInfo?.className ?? ''));
  const options = { owner: cluster };
  const make = async (member: Member): Promise<void> => {
    const leaf = serverLeaf(owner, member, { services: [...addresses.values()] });
    const sign = async (): Promise<void> => {
      if (existing.has(leaf.secret)) return;
      await ensure(client, Secrets, await issueLeaf(owner, authority, leaf, clock.now()), options, step.signal);
    };
    const [claim] = await Promise.all([
      ensure(client, PersistentVolumeClaims, buildVolumeClaim(facts, member, resources), options, step.signal),
      sign(),
    ]);
    // Its volume comes to be where its pod goes: from then on it is the volume that says where.
    const node = claim.spec?.volumeName ? undefined : cluster.status?.dbInstanceStatus?.[member.instanceId]?.nodeName;
    await ensure(client, Pods, pinnedTo(podOf(cluster, member, catalog), node), options, step.signal);
  };
  await Promise.all(members.map(make));
}

export const createMembersStep: ClusterStep = {
  name: 'CreateMembers',
  timeoutMs: 60_000,
  run: async (step) => {
    await createMembers(step, addedIds(step));
    return undefined;
  },
};

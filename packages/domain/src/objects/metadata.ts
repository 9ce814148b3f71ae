import { GROUP, labels, roleLabels, VERSION } from '@polarstack/api';
import type { ObjectMeta } from 'kubernetes-types/meta/v1.js';
import type { ClusterFacts } from '../cluster/facts.ts';
import type { Member } from '../cluster/members.ts';

type Owner = Pick<ClusterFacts, 'name' | 'namespace' | 'uid'>;

/** Metadata of whatever is made for a cluster: it goes when the cluster goes. */
export function ownedBy(
  { name, namespace, uid }: Owner,
  objectName: string,
  more: Readonly<Record<string, string>> = {},
): ObjectMeta {
  return {
    name: objectName,
    namespace,
    labels: { [labels.cluster]: name, ...more },
    ownerReferences: [
      { apiVersion: `${GROUP}/${VERSION}`, kind: 'MPDCluster', name, uid, controller: true, blockOwnerDeletion: true },
    ],
  };
}

/** Labels of an instance's pod. Source: facts of the original §5.1, with `logic_custins_id` being what it says. */
export function podLabels(facts: ClusterFacts, member: Member): Readonly<Record<string, string>> {
  return {
    [labels.clusterName]: facts.name,
    [labels.dbType]: facts.engineType,
    [labels.logicName]: facts.name,
    [labels.physicalName]: member.physicalId,
    [labels.logicId]: facts.logicId,
    [labels.physicalId]: member.physicalId,
    [labels.instanceId]: member.instanceId,
    [labels.instancePort]: String(facts.ports.enginePort),
    ...roleLabels(member.role),
  };
}

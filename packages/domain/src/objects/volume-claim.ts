import { labels } from '@polarstack/api';
import type { PersistentVolumeClaim } from 'kubernetes-types/core/v1.js';
import type { ClusterFacts } from '../cluster/facts.ts';
import type { Member } from '../cluster/members.ts';
import type { InstanceResources } from '../cluster/resources.ts';
import { ownedBy } from './metadata.ts';

/** The volume of an instance: it outlives the pod, and pins the next one to its node where the storage is local. */
export function buildVolumeClaim(
  facts: ClusterFacts,
  member: Member,
  resources: InstanceResources,
): PersistentVolumeClaim {
  const { size, className } = resources.volume;
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: ownedBy(facts, member.pod, {
      [labels.clusterName]: facts.name,
      [labels.instanceId]: member.instanceId,
      [labels.physicalId]: member.physicalId,
    }),
    spec: {
      accessModes: ['ReadWriteOnce'],
      resources: { requests: { storage: size } },
      ...(className !== undefined && { storageClassName: className }),
    },
  };
}

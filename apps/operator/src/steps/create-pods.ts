import { annotations, type MPDCluster } from '@polarstack/api';
import { ENGINE_CONTAINER } from '@polarstack/contracts';
import { buildPod, clusterFacts, instanceResources, type Member } from '@polarstack/domain';
import { Pods } from '@polarstack/kube';
import type { Pod } from 'kubernetes-types/core/v1.js';
import { ensure } from '../kube/ensure.ts';
import { type ClusterStep, clusterOf, membersOf, type Services } from './services.ts';

/** The class of an instance: its own where a change of class has come to it, else the cluster's. */
const classNameOf = ({ status }: MPDCluster, { instanceId }: Member): string =>
  status?.dbInstanceStatus?.[instanceId]?.insClassInfo?.className || (status?.insClassInfo?.className ?? '');

/** The pod of an instance as it is made: of its own class and with its own image, where it has those. */
export function podOf(cluster: MPDCluster, member: Member, catalog: Pick<Services['catalog'], 'instanceClass'>): Pod {
  const className = classNameOf(cluster, member);
  const facts = clusterFacts(cluster);
  const image = cluster.status?.dbInstanceStatus?.[member.instanceId]?.versionInfo?.engineImage || facts.image;
  const pod = buildPod({ ...facts, image }, member, instanceResources(cluster, catalog.instanceClass(className)));
  const made = { ...pod.metadata?.annotations, [annotations.instanceClass]: className };
  return { ...pod, metadata: { ...pod.metadata, annotations: made } };
}

export const imageOf = ({ spec }: Pod): string | undefined =>
  spec?.containers.find(({ name }) => name === ENGINE_CONTAINER)?.image;

/** Whether a pod has the class and the image of the one that would be made now. */
export const fitsInstance = (found: Pod, wanted: Pod): boolean =>
  imageOf(found) === imageOf(wanted) &&
  found.metadata?.annotations?.[annotations.instanceClass] ===
    wanted.metadata?.annotations?.[annotations.instanceClass];

/** All pods at once: they start while the primary is being made. */
export const createPods: ClusterStep = {
  name: 'CreatePods',
  timeoutMs: 30_000,
  run: async (step) => {
    const { client, catalog } = step.services;
    const cluster = await clusterOf(step);
    await Promise.all(
      membersOf(cluster).members.map(
        async (member) => await ensure(client, Pods, podOf(cluster, member, catalog), { owner: cluster }, step.signal),
      ),
    );
    return undefined;
  },
};

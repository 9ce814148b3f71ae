import { isDeepStrictEqual } from 'node:util';
import type { MPDCluster } from '@polarstack/api';
import { ENGINE_CONTAINER } from '@polarstack/contracts';
import { asApplied, type Member } from '@polarstack/domain';
import { Pods } from '@polarstack/kube';
import type { Pod } from 'kubernetes-types/core/v1.js';
import { clusterKey, readCluster } from '../kube/cluster-status-writer.ts';
import { imageOf, podOf } from '../steps/create-pods.ts';
import type { Services } from '../steps/services.ts';
import { beside } from './content.ts';
import { mendObject } from './mend-object.ts';

/**
 * Makes the pod of an instance again where it is gone, and puts labels, owner and image back. It is found by its name:
 * a pod without its labels is no less the instance's. Fails with `NameTaken` where the pod is somebody else's.
 */
export async function mendPod(
  cluster: MPDCluster,
  member: Member,
  /** Its labels are the cluster manager's then. */
  switching: boolean,
  { client, catalog, events, pods }: Pick<Services, 'client' | 'catalog' | 'events' | 'pods'>,
  signal: AbortSignal,
): Promise<void> {
  const key = { namespace: cluster.metadata.namespace ?? 'default', name: member.pod };
  const wanted = podOf(cluster, member, catalog);
  const known = pods.get(beside(cluster, member.pod));
  if (switching && known) return;
  const isOurs = (pod: Pod): boolean => mountsVolume(pod, member);
  // An operation may have given the instance another class or image since the cluster was looked at.
  const current = async (): Promise<Pod> =>
    podOf(asApplied(await readCluster(client, clusterKey(cluster), signal)), member, catalog);
  const make = async (): Promise<Pod> => await client.create(Pods, await current(), signal);
  const options = { client, resource: Pods, known, wanted, owner: cluster, isOurs, make };
  const { object, done } = await mendObject(options, signal);
  const say = (type: 'Normal' | 'Warning', reason: string, message: string): void =>
    events.record(cluster, { type, reason, message });
  if (done === 'made') return say('Normal', 'PodRecreated', `Made pod ${member.pod} again`);
  if (!object || object.metadata?.deletionTimestamp !== undefined) return;
  if (done === 'mended') {
    say('Warning', 'PodRelabelled', `Pod ${member.pod} has the labels and the owner of a ${member.role} again`);
  }
  const { phase } = object.status ?? {};
  if (phase === 'Failed' || phase === 'Succeeded') {
    // Ended for good (an eviction): gone, it is made again.
    await client.delete(Pods, key, {}, signal);
    return;
  }
  if (imageOf(object) === imageOf(wanted)) return;
  const image = imageOf(await current());
  const containers = (object.spec?.containers ?? []).map((each) =>
    each.name === ENGINE_CONTAINER ? { ...each, image } : each,
  );
  if (isDeepStrictEqual(containers, object.spec?.containers ?? [])) return;
  const body = { metadata: { resourceVersion: object.metadata?.resourceVersion }, spec: { containers } };
  await client.patch(Pods, key, { type: 'merge', body }, signal);
  say('Warning', 'PodImageRestored', `Pod ${member.pod} has the image of the cluster's engine again`);
}

function mountsVolume({ spec }: Pod, { pod }: Member): boolean {
  const isEngine = spec?.containers.some(({ name }) => name === ENGINE_CONTAINER);
  return isEngine === true && !!spec?.volumes?.some((volume) => volume.persistentVolumeClaim?.claimName === pod);
}

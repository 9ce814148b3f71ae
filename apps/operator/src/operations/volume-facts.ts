import { annotations, labels, type MPDCluster } from '@polarstack/api';
import { bytesOf } from '@polarstack/base';
import type { VolumeFacts } from '@polarstack/domain';
import { isOwnedBy, type KubeClient, PersistentVolumeClaims, StorageClasses } from '@polarstack/kube';
import type { PersistentVolumeClaim } from 'kubernetes-types/core/v1.js';
import type { StorageClass } from 'kubernetes-types/storage/v1.js';

const DEFAULT_CLASS = 'storageclass.kubernetes.io/is-default-class';

/** What is known of one volume. */
export function volumeFactsOf(claim: PersistentVolumeClaim, classes: readonly StorageClass[]): VolumeFacts {
  const className = claim.spec?.storageClassName;
  const storageClass = classes.find(({ metadata }) =>
    className === undefined ? metadata?.annotations?.[DEFAULT_CLASS] === 'true' : metadata?.name === className,
  );
  const capacity = bytesOf(claim.status?.capacity?.storage);
  const used = claim.metadata?.annotations?.[annotations.usedBytes];
  const name = className ?? storageClass?.metadata?.name;
  return {
    claim: claim.metadata?.name ?? '',
    requested: bytesOf(claim.spec?.resources?.requests?.storage) ?? 0,
    growable: storageClass?.allowVolumeExpansion === true,
    ...(capacity !== undefined && { capacity }),
    ...(used !== undefined && { used: Number(used) }),
    ...(name !== undefined && { className: name }),
  };
}

/** The volumes of a cluster as the API has them now, by the names of their claims. */
export async function volumesOf(
  cluster: MPDCluster,
  client: Pick<KubeClient, 'list'>,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, VolumeFacts>> {
  const { name, namespace = 'default' } = cluster.metadata;
  const [claims, classes] = await Promise.all([
    client.list(PersistentVolumeClaims, { namespace, labelSelector: `${labels.cluster}=${name}` }, signal),
    client.list(StorageClasses, {}, signal),
  ]);
  const ours = claims.items.filter((claim) => isOwnedBy(claim, cluster));
  return new Map(ours.map((claim) => [claim.metadata?.name ?? '', volumeFactsOf(claim, classes.items)]));
}

import type { PersistentVolume, PersistentVolumeClaim, Pod } from 'kubernetes-types/core/v1.js';
import type { StorageClass } from 'kubernetes-types/storage/v1.js';

/** Who makes volumes of our class. */
export const PROVISIONER = 'polarstack.io/local';
export const CLASS_NAME = 'local';
export const HOSTNAME_LABEL = 'kubernetes.io/hostname';
/** Keeps a claim while a pod uses it. Source: Kubernetes. */
export const CLAIM_FINALIZER = 'kubernetes.io/pvc-protection';
/** Keeps a volume while a claim is bound to it. Source: Kubernetes. */
export const VOLUME_FINALIZER = 'kubernetes.io/pv-protection';
export const DEFAULT_CLASS_ANNOTATION = 'storageclass.kubernetes.io/is-default-class';

/** The class of folders on the node of the first pod that uses them. */
export const localStorageClass: StorageClass = {
  apiVersion: 'storage.k8s.io/v1',
  kind: 'StorageClass',
  metadata: { name: CLASS_NAME, annotations: { [DEFAULT_CLASS_ANNOTATION]: 'true' } },
  provisioner: PROVISIONER,
  reclaimPolicy: 'Delete',
  volumeBindingMode: 'WaitForFirstConsumer',
  allowVolumeExpansion: true,
};

/** Names of the claims that a pod mounts. */
export function claimsOf(pod: Pod): readonly string[] {
  return (pod.spec?.volumes ?? []).flatMap((volume) => volume.persistentVolumeClaim?.claimName ?? []);
}

export const volumeName = (claim: PersistentVolumeClaim): string => `pvc-${claim.metadata?.uid}`;

/** The class of a claim: named, or the default one; undefined where there is none (`""` asks for none). */
export function classOf(claim: PersistentVolumeClaim, classes: readonly StorageClass[]): StorageClass | undefined {
  const named = claim.spec?.storageClassName;
  if (named !== undefined) return classes.find((candidate) => candidate.metadata?.name === named);
  return classes.find((candidate) => candidate.metadata?.annotations?.[DEFAULT_CLASS_ANNOTATION] === 'true');
}

/** The volume for a claim whose first pod goes to `node`; its folder is `path`. */
export function volumeFor(
  claim: PersistentVolumeClaim,
  storageClass: StorageClass,
  node: string,
  path: string,
): PersistentVolume {
  const { name, namespace, uid } = claim.metadata ?? {};
  const storage = claim.spec?.resources?.requests?.storage ?? '0';
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    metadata: {
      name: volumeName(claim),
      finalizers: [VOLUME_FINALIZER],
      annotations: { 'pv.kubernetes.io/provisioned-by': PROVISIONER },
    },
    spec: {
      capacity: { storage },
      accessModes: [...(claim.spec?.accessModes ?? ['ReadWriteOnce'])],
      persistentVolumeReclaimPolicy: storageClass.reclaimPolicy ?? 'Delete',
      storageClassName: storageClass.metadata?.name ?? '',
      volumeMode: 'Filesystem',
      local: { path },
      claimRef: {
        apiVersion: 'v1',
        kind: 'PersistentVolumeClaim',
        ...(name ? { name } : {}),
        ...(namespace ? { namespace } : {}),
        ...(uid ? { uid } : {}),
      },
      nodeAffinity: {
        required: {
          nodeSelectorTerms: [{ matchExpressions: [{ key: HOSTNAME_LABEL, operator: 'In', values: [node] }] }],
        },
      },
    },
  };
}

/** The node that a volume of ours lies on. */
export function nodeOfVolume(volume: PersistentVolume): string | undefined {
  const [term] = volume.spec?.nodeAffinity?.required?.nodeSelectorTerms ?? [];
  return term?.matchExpressions?.find(({ key }) => key === HOSTNAME_LABEL)?.values?.[0];
}

export const isOurs = (volume: PersistentVolume): boolean =>
  volume.metadata?.annotations?.['pv.kubernetes.io/provisioned-by'] === PROVISIONER;

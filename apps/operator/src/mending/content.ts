import { labels, type MPDCluster } from '@polarstack/api';
import {
  ConfigMaps,
  createInformer,
  type Informer,
  type InformerOptions,
  Services as KubeServices,
  PersistentVolumeClaims,
  Secrets,
} from '@polarstack/kube';
import type { ConfigMap, PersistentVolumeClaim, Secret, Service } from 'kubernetes-types/core/v1.js';

/** Copies of what belongs to clusters, kept current. Absence in a copy means nothing yet: labels can be taken away. */
export interface Content {
  readonly services: Informer<Service>;
  readonly claims: Informer<PersistentVolumeClaim>;
  readonly configMaps: Informer<ConfigMap>;
  /** Those that users made for their clusters included. */
  readonly secrets: Informer<Secret, 'cluster'>;
}

export function watchContent(watching: Pick<InformerOptions<never>, 'client' | 'clock' | 'onError'>): Content {
  const { cluster, secretCluster } = labels;
  return {
    services: createInformer({ ...watching, resource: KubeServices, labelSelector: cluster }),
    claims: createInformer({ ...watching, resource: PersistentVolumeClaims, labelSelector: cluster }),
    configMaps: createInformer({ ...watching, resource: ConfigMaps, labelSelector: cluster }),
    secrets: createInformer({
      ...watching,
      resource: Secrets,
      labelSelector: secretCluster,
      indexes: { cluster: ({ metadata }) => [`${metadata?.namespace}/${metadata?.labels?.[secretCluster]}`] },
    }),
  };
}

/** Key of an object in a cluster's namespace. */
export const beside = ({ metadata }: MPDCluster, name: string): string => `${metadata.namespace ?? 'default'}/${name}`;

import { labels, type MPDCluster, names } from '@polarstack/api';
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
    configMaps: createInformer({ ...watching, resource: ConfigMaps, labelSelector: cluster, transform: withoutBulk }),
    secrets: createInformer({
      ...watching,
      resource: Secrets,
      labelSelector: secretCluster,
      indexes: { cluster: ({ metadata }) => [`${metadata?.namespace}/${metadata?.labels?.[secretCluster]}`] },
    }),
  };
}

/**
 * Parameters are hundreds of values in each cluster, most of the memory that its copies would take. Whoever needs them asks
 * the API; here it is enough that they are there, and whose.
 */
export function withoutBulk(configMap: ConfigMap): ConfigMap {
  const { managedFields: _, ...metadata } = configMap.metadata ?? {};
  const { data: __, ...rest } = configMap;
  const of = metadata.labels?.[labels.cluster] ?? '';
  const isOfParameters = [names.userParams(of), names.runningParams(of)].includes(metadata.name ?? '');
  return { ...(isOfParameters ? rest : configMap), metadata };
}

/** Key of an object in a cluster's namespace. */
export const beside = ({ metadata }: MPDCluster, name: string): string => `${metadata.namespace ?? 'default'}/${name}`;

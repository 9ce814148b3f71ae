import {
  ConfigMaps,
  createInformer,
  EndpointSlices,
  type Informer,
  type KubeClient,
  Nodes,
  PersistentVolumeClaims,
  PersistentVolumes,
  Pods,
  Secrets,
  Services,
  StorageClasses,
} from '@polarstack/kube';
import type {
  ConfigMap,
  Node,
  PersistentVolume,
  PersistentVolumeClaim,
  Pod,
  Secret,
  Service,
} from 'kubernetes-types/core/v1.js';
import type { EndpointSlice } from 'kubernetes-types/discovery/v1.js';
import type { StorageClass } from 'kubernetes-types/storage/v1.js';

/** Copies of what the runtime's controllers look at; Secrets and ConfigMaps without their content. */
export interface Caches {
  readonly pods: Informer<Pod>;
  readonly nodes: Informer<Node>;
  readonly claims: Informer<PersistentVolumeClaim>;
  readonly volumes: Informer<PersistentVolume>;
  readonly classes: Informer<StorageClass>;
  readonly services: Informer<Service>;
  readonly slices: Informer<EndpointSlice>;
  readonly secrets: Informer<Secret>;
  readonly configMaps: Informer<ConfigMap>;
  /** Resolves when all of them hold their first list. */
  readonly synced: Promise<void>;
  start(signal: AbortSignal): Promise<void>;
}

export function createCaches(client: KubeClient, onError: (error: unknown) => void): Caches {
  const namesOnly = <T extends Secret | ConfigMap>({ metadata }: T): T => ({ metadata }) as T;
  const caches = {
    pods: createInformer({ client, resource: Pods, onError }),
    nodes: createInformer({ client, resource: Nodes, onError }),
    claims: createInformer({ client, resource: PersistentVolumeClaims, onError }),
    volumes: createInformer({ client, resource: PersistentVolumes, onError }),
    classes: createInformer({ client, resource: StorageClasses, onError }),
    services: createInformer({ client, resource: Services, onError }),
    slices: createInformer({ client, resource: EndpointSlices, onError }),
    secrets: createInformer({ client, resource: Secrets, onError, transform: namesOnly }),
    configMaps: createInformer({ client, resource: ConfigMaps, onError, transform: namesOnly }),
  };
  const all = Object.values(caches);
  return {
    ...caches,
    synced: Promise.all(all.map((informer) => informer.synced)).then(() => undefined),
    start: async (signal) => {
      await Promise.all(all.map((informer) => informer.start(signal)));
    },
  };
}

import type { Lease } from 'kubernetes-types/coordination/v1.js';
import type {
  ConfigMap,
  Event,
  Namespace,
  Node,
  PersistentVolume,
  PersistentVolumeClaim,
  Pod,
  PodTemplate,
  Secret,
  Service,
} from 'kubernetes-types/core/v1.js';
import type { EndpointSlice } from 'kubernetes-types/discovery/v1.js';
import type { StorageClass } from 'kubernetes-types/storage/v1.js';
import type { KubeObject, Resource } from './object.ts';

function core<T extends KubeObject>(kind: string, plural: string, namespaced = true): Resource<T> {
  return { group: '', version: 'v1', kind, plural, namespaced };
}

/** The built-in kinds that the parts use. */
export const Namespaces = core<Namespace>('Namespace', 'namespaces', false);
export const Nodes = core<Node>('Node', 'nodes', false);
export const Pods = core<Pod>('Pod', 'pods');
export const PodTemplates = core<PodTemplate>('PodTemplate', 'podtemplates');
export const Services = core<Service>('Service', 'services');
export const ConfigMaps = core<ConfigMap>('ConfigMap', 'configmaps');
export const Secrets = core<Secret>('Secret', 'secrets');
export const Events = core<Event>('Event', 'events');
export const PersistentVolumes = core<PersistentVolume>('PersistentVolume', 'persistentvolumes', false);
export const PersistentVolumeClaims = core<PersistentVolumeClaim>('PersistentVolumeClaim', 'persistentvolumeclaims');
export const EndpointSlices: Resource<EndpointSlice> = {
  group: 'discovery.k8s.io',
  version: 'v1',
  kind: 'EndpointSlice',
  plural: 'endpointslices',
  namespaced: true,
};
export const Leases: Resource<Lease> = {
  group: 'coordination.k8s.io',
  version: 'v1',
  kind: 'Lease',
  plural: 'leases',
  namespaced: true,
};
export const StorageClasses: Resource<StorageClass> = {
  group: 'storage.k8s.io',
  version: 'v1',
  kind: 'StorageClass',
  plural: 'storageclasses',
  namespaced: false,
};

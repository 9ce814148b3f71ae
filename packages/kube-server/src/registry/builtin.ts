import { policyBindingStrategy, policyStrategy } from '../admission/strategies.ts';
import {
  bindingStrategy,
  claimStrategy,
  configMapStrategy,
  endpointSliceStrategy,
  eventStrategy,
  leaseStrategy,
  nodeStrategy,
  roleStrategy,
  secretStrategy,
  storageClassStrategy,
  volumeStrategy,
} from '../kinds/core-strategies.ts';
import { crdStrategy } from '../kinds/crd-strategy.ts';
import { eventView } from '../kinds/event-view.ts';
import { namespaceStrategy } from '../kinds/namespace-strategy.ts';
import { podStrategy } from '../kinds/pod-strategy.ts';
import { type ServiceAddresses, serviceStrategy } from '../kinds/service-strategy.ts';
import type { TypeSource } from '../schema/dsl.ts';
import { builtinColumns } from '../table/builtin-columns.ts';
import { type ResourceDefinition, type ScaleDefinition, type Strategy, storePrefix } from './definition.ts';
import { workloadKinds } from './workload-kinds.ts';

const ALL_VERBS = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'];

export interface Kind {
  readonly group?: string;
  readonly plural: string;
  readonly kind: string;
  readonly cluster?: boolean;
  readonly short?: readonly string[];
  readonly categories?: readonly string[];
  readonly status?: boolean;
  readonly generation?: boolean;
  readonly strategy?: Strategy;
  readonly fields?: readonly string[];
  readonly type?: string;
  readonly prefix?: string;
  readonly storedApiVersion?: string;
  readonly needsVersion?: boolean;
  readonly subresources?: ResourceDefinition['subresources'];
  readonly scale?: ScaleDefinition;
  readonly view?: NonNullable<ResourceDefinition['view']>;
}

const verbs = { create: ['create'], exec: ['create', 'get'] };

const eventFields = [
  'involvedObject.kind',
  'involvedObject.namespace',
  'involvedObject.name',
  'involvedObject.uid',
  'involvedObject.apiVersion',
  'involvedObject.resourceVersion',
  'involvedObject.fieldPath',
  'reason',
  'reportingComponent',
  'source',
  'type',
];

const podFields = [
  'spec.nodeName',
  'spec.restartPolicy',
  'spec.schedulerName',
  'spec.serviceAccountName',
  'spec.hostNetwork',
  'status.phase',
  'status.podIP',
  'status.nominatedNodeName',
];

/** The built-in kinds. Group and version default to the core group and v1. */
function kinds(addresses: ServiceAddresses, settled: (key: string) => Promise<void>): readonly Kind[] {
  const rbac = 'rbac.authorization.k8s.io';
  return [
    {
      plural: 'namespaces',
      kind: 'Namespace',
      cluster: true,
      short: ['ns'],
      status: true,
      strategy: namespaceStrategy,
      fields: ['status.phase'],
      subresources: [{ name: 'finalize', kind: 'Namespace', verbs: ['update'] }],
    },
    {
      plural: 'nodes',
      kind: 'Node',
      cluster: true,
      short: ['no'],
      status: true,
      strategy: nodeStrategy,
      fields: ['spec.unschedulable'],
    },
    {
      plural: 'pods',
      kind: 'Pod',
      short: ['po'],
      categories: ['all'],
      status: true,
      generation: true,
      strategy: podStrategy,
      fields: podFields,
      subresources: [
        { name: 'attach', kind: 'PodAttachOptions', verbs: verbs.exec },
        { name: 'binding', kind: 'Binding', verbs: verbs.create },
        { name: 'eviction', kind: 'Eviction', verbs: verbs.create, group: 'policy', version: 'v1' },
        { name: 'exec', kind: 'PodExecOptions', verbs: verbs.exec },
        { name: 'log', kind: 'Pod', verbs: ['get'] },
        { name: 'portforward', kind: 'PodPortForwardOptions', verbs: verbs.exec },
      ],
    },
    {
      plural: 'services',
      kind: 'Service',
      short: ['svc'],
      categories: ['all'],
      status: true,
      strategy: serviceStrategy(addresses),
      fields: ['spec.clusterIP', 'spec.type'],
    },
    { plural: 'configmaps', kind: 'ConfigMap', short: ['cm'], strategy: configMapStrategy },
    { plural: 'secrets', kind: 'Secret', strategy: secretStrategy, fields: ['type'] },
    { plural: 'serviceaccounts', kind: 'ServiceAccount', short: ['sa'], strategy: { returnsDeleted: true } },
    { plural: 'events', kind: 'Event', short: ['ev'], strategy: eventStrategy, fields: eventFields },
    {
      group: 'events.k8s.io',
      plural: 'events',
      kind: 'Event',
      type: 'EventsEvent',
      short: ['ev'],
      fields: ['regarding.kind', 'regarding.namespace', 'regarding.name', 'regarding.uid', 'reason', 'type'],
      prefix: storePrefix('', 'events'),
      storedApiVersion: 'v1',
      view: eventView,
    },
    {
      plural: 'persistentvolumes',
      kind: 'PersistentVolume',
      cluster: true,
      short: ['pv'],
      status: true,
      strategy: volumeStrategy,
    },
    {
      plural: 'persistentvolumeclaims',
      kind: 'PersistentVolumeClaim',
      short: ['pvc'],
      status: true,
      strategy: claimStrategy,
    },
    {
      group: 'discovery.k8s.io',
      plural: 'endpointslices',
      kind: 'EndpointSlice',
      generation: true,
      strategy: endpointSliceStrategy,
    },
    { group: 'coordination.k8s.io', plural: 'leases', kind: 'Lease', needsVersion: true, strategy: leaseStrategy },
    {
      group: 'storage.k8s.io',
      plural: 'storageclasses',
      kind: 'StorageClass',
      cluster: true,
      short: ['sc'],
      strategy: storageClassStrategy,
    },
    { group: rbac, plural: 'roles', kind: 'Role', strategy: roleStrategy },
    { group: rbac, plural: 'rolebindings', kind: 'RoleBinding', strategy: bindingStrategy },
    { group: rbac, plural: 'clusterroles', kind: 'ClusterRole', cluster: true, strategy: roleStrategy },
    {
      group: rbac,
      plural: 'clusterrolebindings',
      kind: 'ClusterRoleBinding',
      cluster: true,
      strategy: bindingStrategy,
    },
    {
      group: 'apiextensions.k8s.io',
      plural: 'customresourcedefinitions',
      kind: 'CustomResourceDefinition',
      cluster: true,
      short: ['crd', 'crds'],
      categories: ['api-extensions'],
      status: true,
      generation: true,
      strategy: crdStrategy(settled),
    },
    {
      group: 'admissionregistration.k8s.io',
      plural: 'validatingadmissionpolicies',
      kind: 'ValidatingAdmissionPolicy',
      cluster: true,
      categories: ['api-extensions'],
      status: true,
      generation: true,
      strategy: policyStrategy,
    },
    {
      group: 'admissionregistration.k8s.io',
      plural: 'validatingadmissionpolicybindings',
      kind: 'ValidatingAdmissionPolicyBinding',
      cluster: true,
      categories: ['api-extensions'],
      generation: true,
      strategy: policyBindingStrategy,
    },
  ];
}

function define(kind: Kind, types: TypeSource): ResourceDefinition {
  const group = kind.group ?? '';
  const apiVersion = group === '' ? 'v1' : `${group}/v1`;
  return {
    group,
    version: 'v1',
    apiVersion,
    plural: kind.plural,
    singular: kind.kind.toLowerCase(),
    kind: kind.kind,
    listKind: `${kind.kind}List`,
    namespaced: kind.cluster !== true,
    shortNames: kind.short ?? [],
    categories: kind.categories ?? [],
    verbs: kind.kind === 'Namespace' ? ALL_VERBS.filter((verb) => verb !== 'deletecollection') : ALL_VERBS,
    storedApiVersion: kind.storedApiVersion ?? apiVersion,
    prefix: kind.prefix ?? storePrefix(group, kind.plural),
    custom: false,
    schema: () => types(kind.type ?? kind.kind),
    hasStatus: kind.status === true,
    subresources: kind.subresources ?? [],
    ...(kind.scale ? { scale: kind.scale } : {}),
    tracksGeneration: kind.generation === true,
    allowsBlindUpdate: kind.needsVersion !== true,
    strategy: kind.strategy ?? {},
    columns: builtinColumns(kind.kind),
    fieldSelectors: kind.fields ?? [],
    ...(kind.view ? { view: kind.view } : {}),
  };
}

export function builtinDefinitions(
  types: TypeSource,
  addresses: ServiceAddresses,
  settled: (key: string) => Promise<void>,
): readonly ResourceDefinition[] {
  return [...kinds(addresses, settled), ...workloadKinds].map((kind) => define(kind, types));
}

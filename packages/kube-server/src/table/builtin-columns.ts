/** What `kubectl get` shows of built-in kinds. */
import { arrayAt, isObject, type JsonObject, objectAt, stringAt, valueAt } from '../json.ts';
import type { Column } from '../registry/definition.ts';
import { age } from './age.ts';
import { ageColumn as customAgeColumn, nameColumn } from './custom-columns.ts';

/** Built-in kinds call it text, definitions of custom resources a date. */
const ageColumn: Column = { ...customAgeColumn, type: 'string' };

import { podColumns } from './pod-columns.ts';
import { workloadColumns } from './workload-columns.ts';

type Cell = Column['cell'];

const column = (name: string, cell: Cell, type = 'string'): Column => ({ name, type, cell });
const wide = (name: string, cell: Cell): Column => ({ name, type: 'string', priority: 1, cell });
const at =
  (...path: readonly string[]): Cell =>
  (object) =>
    stringAt(object, ...path) ?? '';
const orText =
  (text: string, ...path: readonly string[]): Cell =>
  (object) =>
    stringAt(object, ...path) || text;
const count =
  (...fields: readonly string[]): Cell =>
  (object) =>
    fields.reduce((sum, field) => sum + Object.keys(objectAt(object, field) ?? {}).length, 0);
const createdAt = column('Created At', at('metadata', 'creationTimestamp'), 'date');

const shortModes: Readonly<Record<string, string>> = {
  ReadWriteOnce: 'RWO',
  ReadOnlyMany: 'ROX',
  ReadWriteMany: 'RWX',
  ReadWriteOncePod: 'RWOP',
};

const modes =
  (...path: readonly string[]): Cell =>
  (object) =>
    arrayAt(object, ...path)
      .map((mode) => shortModes[String(mode)] ?? String(mode))
      .join(',');

function nodeStatus(node: Readonly<JsonObject>): string {
  const ready = arrayAt(node, 'status', 'conditions').find((c) => valueAt(c, 'type') === 'Ready');
  const word = ready === undefined ? 'Unknown' : valueAt(ready, 'status') === 'True' ? 'Ready' : 'NotReady';
  return valueAt(node, 'spec', 'unschedulable') === true ? `${word},SchedulingDisabled` : word;
}

function nodeRoles(node: Readonly<JsonObject>): string {
  const prefix = 'node-role.kubernetes.io/';
  const roles = Object.keys(objectAt(node, 'metadata', 'labels') ?? {}).filter((key) => key.startsWith(prefix));
  return roles.length === 0
    ? '<none>'
    : roles
        .map((key) => key.slice(prefix.length))
        .sort()
        .join(',');
}

const nodeAddress =
  (type: string): Cell =>
  (node) => {
    const found = arrayAt(node, 'status', 'addresses').find((a) => valueAt(a, 'type') === type);
    return stringAt(found, 'address') ?? '<none>';
  };

const nodes: readonly Column[] = [
  column('Status', nodeStatus),
  column('Roles', nodeRoles),
  ageColumn,
  column('Version', at('status', 'nodeInfo', 'kubeletVersion')),
  wide('Internal-IP', nodeAddress('InternalIP')),
  wide('External-IP', nodeAddress('ExternalIP')),
  wide('OS-Image', orText('<unknown>', 'status', 'nodeInfo', 'osImage')),
  wide('Kernel-Version', orText('<unknown>', 'status', 'nodeInfo', 'kernelVersion')),
  wide('Container-Runtime', orText('<unknown>', 'status', 'nodeInfo', 'containerRuntimeVersion')),
];

function servicePorts(service: Readonly<JsonObject>): string {
  const ports = arrayAt(service, 'spec', 'ports').filter(isObject);
  if (ports.length === 0) return '<none>';
  return ports
    .map(
      (port) =>
        `${Number(port.port)}${port.nodePort ? `:${Number(port.nodePort)}` : ''}/${String(port.protocol as string)}`,
    )
    .join(',');
}

function externalIp(service: Readonly<JsonObject>): string {
  const external = arrayAt(service, 'spec', 'externalIPs').map(String);
  switch (stringAt(service, 'spec', 'type') ?? '') {
    case 'ExternalName':
      return stringAt(service, 'spec', 'externalName') ?? '<none>';
    case 'LoadBalancer': {
      const ingress = arrayAt(service, 'status', 'loadBalancer', 'ingress').map(
        (i) => stringAt(i, 'ip') ?? stringAt(i, 'hostname') ?? '',
      );
      const all = [...ingress, ...external];
      return all.length === 0 ? '<pending>' : all.join(',');
    }
    default:
      return external.length === 0 ? '<none>' : external.join(',');
  }
}

function selector(service: Readonly<JsonObject>): string {
  const pairs = Object.entries(objectAt(service, 'spec', 'selector') ?? {});
  return pairs.length === 0 ? '<none>' : pairs.map(([key, value]) => `${key}=${String(value)}`).join(',');
}

const services: readonly Column[] = [
  column('Type', at('spec', 'type')),
  column('Cluster-IP', orText('<none>', 'spec', 'clusterIP')),
  column('External-IP', externalIp),
  column('Port(s)', servicePorts),
  ageColumn,
  wide('Selector', selector),
];

const deletedPhase =
  (fallback: string): Cell =>
  (object) =>
    valueAt(object, 'metadata', 'deletionTimestamp') === undefined
      ? (stringAt(object, 'status', 'phase') ?? fallback)
      : 'Terminating';

const claims: readonly Column[] = [
  column('Status', deletedPhase('Pending')),
  column('Volume', at('spec', 'volumeName')),
  column('Capacity', at('status', 'capacity', 'storage')),
  column('Access Modes', modes('status', 'accessModes')),
  column('StorageClass', at('spec', 'storageClassName')),
  column('VolumeAttributesClass', orText('<unset>', 'spec', 'volumeAttributesClassName')),
  ageColumn,
  wide('VolumeMode', at('spec', 'volumeMode')),
];

const volumes: readonly Column[] = [
  column('Capacity', at('spec', 'capacity', 'storage')),
  column('Access Modes', modes('spec', 'accessModes')),
  column('Reclaim Policy', at('spec', 'persistentVolumeReclaimPolicy')),
  column('Status', deletedPhase('Pending')),
  column('Claim', (volume) => {
    const name = stringAt(volume, 'spec', 'claimRef', 'name');
    return name === undefined ? '' : `${stringAt(volume, 'spec', 'claimRef', 'namespace') ?? ''}/${name}`;
  }),
  column('StorageClass', at('spec', 'storageClassName')),
  column('VolumeAttributesClass', orText('<unset>', 'spec', 'volumeAttributesClassName')),
  column('Reason', at('status', 'reason')),
  ageColumn,
  wide('VolumeMode', at('spec', 'volumeMode')),
];

function lastSeen(event: Readonly<JsonObject>): string | undefined {
  return (
    stringAt(event, 'series', 'lastObservedTime') ??
    stringAt(event, 'lastTimestamp') ??
    stringAt(event, 'eventTime') ??
    stringAt(event, 'metadata', 'creationTimestamp')
  );
}

const eventColumns: readonly Column[] = [
  column('Last Seen', (event, now) => age(lastSeen(event), now)),
  column('Type', at('type')),
  column('Reason', at('reason')),
  column('Object', (event) => {
    const about = objectAt(event, 'involvedObject') ?? objectAt(event, 'regarding');
    return `${(stringAt(about, 'kind') ?? '').toLowerCase()}/${stringAt(about, 'name') ?? ''}`;
  }),
  wide('Subobject', at('involvedObject', 'fieldPath')),
  wide('Source', (event) => {
    const component = stringAt(event, 'source', 'component') ?? stringAt(event, 'reportingComponent') ?? '';
    const host = stringAt(event, 'source', 'host') ?? '';
    return host === '' ? component : `${component}, ${host}`;
  }),
  column('Message', (event) => (stringAt(event, 'message') ?? stringAt(event, 'note') ?? '').trim()),
  wide('First Seen', (event, now) => age(stringAt(event, 'firstTimestamp') ?? lastSeen(event), now)),
  wide('Count', (event) => String(Number(valueAt(event, 'series', 'count') ?? valueAt(event, 'count') ?? 1))),
  wide('Name', at('metadata', 'name')),
];

function endpointPorts(slice: Readonly<JsonObject>): string {
  const ports = arrayAt(slice, 'ports').map((port) => {
    const number = valueAt(port, 'port');
    return typeof number === 'number' ? String(number) : '*';
  });
  return ports.length === 0 ? '<unset>' : ports.join(',');
}

function endpoints(slice: Readonly<JsonObject>): string {
  const addresses = arrayAt(slice, 'endpoints').flatMap((endpoint) => arrayAt(endpoint, 'addresses').map(String));
  if (addresses.length === 0) return '<unset>';
  return addresses.length <= 3
    ? addresses.join(',')
    : `${addresses.slice(0, 3).join(',')} + ${addresses.length - 3} more...`;
}

const subjects =
  (kind: string): Cell =>
  (binding) =>
    arrayAt(binding, 'subjects')
      .filter((subject) => valueAt(subject, 'kind') === kind)
      .map(
        (subject) =>
          (kind === 'ServiceAccount' ? `${stringAt(subject, 'namespace') ?? ''}/` : '') +
          (stringAt(subject, 'name') ?? ''),
      )
      .join(', ');

const bindings: readonly Column[] = [
  column(
    'Role',
    (binding) => `${stringAt(binding, 'roleRef', 'kind') ?? ''}/${stringAt(binding, 'roleRef', 'name') ?? ''}`,
  ),
  ageColumn,
  wide('Users', subjects('User')),
  wide('Groups', subjects('Group')),
  wide('ServiceAccounts', subjects('ServiceAccount')),
];

/** By kind; the name comes before them. */
const columns: Readonly<Record<string, readonly Column[]>> = {
  Namespace: [column('Status', at('status', 'phase')), ageColumn],
  Node: nodes,
  Service: services,
  ConfigMap: [column('Data', count('data', 'binaryData')), ageColumn],
  Secret: [column('Type', at('type')), column('Data', count('data')), ageColumn],
  ServiceAccount: [column('Secrets', (account) => arrayAt(account, 'secrets').length), ageColumn],
  PersistentVolume: volumes,
  PersistentVolumeClaim: claims,
  StorageClass: [
    column('Provisioner', at('provisioner')),
    column('ReclaimPolicy', at('reclaimPolicy')),
    column('VolumeBindingMode', at('volumeBindingMode')),
    column('AllowVolumeExpansion', (sc) => sc.allowVolumeExpansion === true, 'boolean'),
    ageColumn,
  ],
  Lease: [column('Holder', at('spec', 'holderIdentity')), ageColumn],
  EndpointSlice: [
    column('AddressType', at('addressType')),
    column('Ports', endpointPorts),
    column('Endpoints', endpoints),
    ageColumn,
  ],
  Role: [createdAt],
  ClusterRole: [createdAt],
  RoleBinding: bindings,
  ClusterRoleBinding: bindings,
  CustomResourceDefinition: [createdAt],
  ValidatingAdmissionPolicy: [
    column('Validations', (policy) => arrayAt(policy, 'spec', 'validations').length, 'integer'),
    column('ParamKind', orText('<unset>', 'spec', 'paramKind', 'kind')),
    ageColumn,
  ],
  ValidatingAdmissionPolicyBinding: [
    column('PolicyName', at('spec', 'policyName')),
    column('ParamRef', orText('<unset>', 'spec', 'paramRef', 'name')),
    ageColumn,
  ],
};

/** The columns of a built-in kind. */
export function builtinColumns(kind: string): readonly Column[] {
  if (kind === 'Pod') return podColumns;
  if (kind === 'Event') return eventColumns;
  return [nameColumn, ...(columns[kind] ?? workloadColumns[kind] ?? [ageColumn])];
}

/** What made-up requests are made of: words and headers that programs stumble over. */
import fc from 'fast-check';

export interface Kind {
  readonly kind: string;
  readonly apiVersion: string;
}

export const rarely = <T>(one: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.oneof({ weight: 7, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: one });

export const nasty = fc.constantFrom(
  '__proto__',
  'constructor',
  'toString',
  'hasOwnProperty',
  '..',
  '.',
  '',
  '%',
  '%00',
  '%2F',
  '%C0%AF',
  'ü',
  '\u{1F600}',
  'a'.repeat(300),
  '-1',
  '1e999',
  'NaN',
  '18446744073709551616',
  'null',
  '*',
);
export const word = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.constantFrom('a', 'b', 'fuzz', 'default', 'kube-system', 'pod', 'x.y', 'widgets.fuzz.io'),
  },
  { weight: 1, arbitrary: nasty },
  { weight: 1, arbitrary: fc.string({ maxLength: 12 }) },
);
export const name = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom('a', 'b', 'c', 'd', 'e') },
  { weight: 1, arbitrary: word },
);

export const kind = fc.constantFrom(
  { base: '/api/v1', plural: 'configmaps', kind: 'ConfigMap', apiVersion: 'v1' },
  { base: '/api/v1', plural: 'secrets', kind: 'Secret', apiVersion: 'v1' },
  { base: '/api/v1', plural: 'pods', kind: 'Pod', apiVersion: 'v1' },
  { base: '/api/v1', plural: 'services', kind: 'Service', apiVersion: 'v1' },
  { base: '/api/v1', plural: 'events', kind: 'Event', apiVersion: 'v1' },
  { base: '/api/v1', plural: 'persistentvolumeclaims', kind: 'PersistentVolumeClaim', apiVersion: 'v1' },
  { base: '/apis/apps/v1', plural: 'deployments', kind: 'Deployment', apiVersion: 'apps/v1' },
  { base: '/apis/batch/v1', plural: 'jobs', kind: 'Job', apiVersion: 'batch/v1' },
  { base: '/apis/policy/v1', plural: 'poddisruptionbudgets', kind: 'PodDisruptionBudget', apiVersion: 'policy/v1' },
  { base: '/apis/coordination.k8s.io/v1', plural: 'leases', kind: 'Lease', apiVersion: 'coordination.k8s.io/v1' },
  { base: '/apis/fuzz.io/v1', plural: 'widgets', kind: 'Widget', apiVersion: 'fuzz.io/v1' },
);
export const clusterKind = fc.constantFrom(
  { base: '/api/v1', plural: 'namespaces', kind: 'Namespace', apiVersion: 'v1' },
  { base: '/api/v1', plural: 'nodes', kind: 'Node', apiVersion: 'v1' },
  {
    base: '/apis/rbac.authorization.k8s.io/v1',
    plural: 'clusterroles',
    kind: 'ClusterRole',
    apiVersion: 'rbac.authorization.k8s.io/v1',
  },
  {
    base: '/apis/apiextensions.k8s.io/v1',
    plural: 'customresourcedefinitions',
    kind: 'CustomResourceDefinition',
    apiVersion: 'apiextensions.k8s.io/v1',
  },
  {
    base: '/apis/admissionregistration.k8s.io/v1',
    plural: 'validatingadmissionpolicies',
    kind: 'ValidatingAdmissionPolicy',
    apiVersion: 'admissionregistration.k8s.io/v1',
  },
  {
    base: '/apis/authorization.k8s.io/v1',
    plural: 'selfsubjectaccessreviews',
    kind: 'SelfSubjectAccessReview',
    apiVersion: 'authorization.k8s.io/v1',
  },
);
export const subresource = fc.constantFrom(
  'status',
  'scale',
  'log',
  'exec',
  'attach',
  'portforward',
  'binding',
  'eviction',
  'finalize',
  'nothing',
);

const selector = fc.oneof(
  fc
    .array(
      fc.constantFrom('a', 'in', 'notin', '(', ')', ',', '!', '=', '==', '!=', ' ', 'b/c', '>', '1', '"', '\\', 'é'),
      { maxLength: 12 },
    )
    .map((parts) => parts.join('')),
  fc.constantFrom(
    'metadata.name=a',
    'metadata.name!=a',
    'status.phase=Running',
    'spec.nodeName=',
    'metadata.__proto__=1',
    'a=\\',
    'a in ()',
    'a in (b,,c)',
  ),
  fc.string({ maxLength: 30 }),
);
const number = fc.oneof(fc.integer().map(String), nasty, fc.double().map(String));
const parameter = fc.oneof(
  fc.tuple(fc.constantFrom('labelSelector', 'fieldSelector'), selector),
  fc.tuple(
    fc.constantFrom(
      'limit',
      'resourceVersion',
      'timeoutSeconds',
      'gracePeriodSeconds',
      'tailLines',
      'sinceSeconds',
      'limitBytes',
    ),
    number,
  ),
  fc.tuple(
    fc.constantFrom(
      'dryRun',
      'fieldValidation',
      'propagationPolicy',
      'fieldManager',
      'resourceVersionMatch',
      'includeObject',
      'container',
      'command',
      'ports',
      'sinceTime',
    ),
    fc.oneof(
      word,
      fc.constantFrom(
        'All',
        'Strict',
        'Ignore',
        'Warn',
        'Foreground',
        'Orphan',
        'Exact',
        'NotOlderThan',
        'Metadata',
        'None',
        'Object',
      ),
    ),
  ),
  fc.tuple(
    fc.constantFrom(
      'watch',
      'allowWatchBookmarks',
      'sendInitialEvents',
      'force',
      'follow',
      'previous',
      'timestamps',
      'orphanDependents',
      'stdin',
      'pretty',
      'tty',
    ),
    fc.constantFrom('true', 'false', '1', '0', '', 'maybe'),
  ),
  fc.tuple(
    fc.constant('continue'),
    fc.oneof(
      fc.base64String(),
      fc.string(),
      fc.json().map((text) => Buffer.from(text).toString('base64url')),
    ),
  ),
  fc.tuple(fc.string({ maxLength: 8 }), fc.string({ maxLength: 8 })),
);
export const query = fc.array(parameter, { maxLength: 4 }).map((pairs) => {
  const text = pairs.map(([key, value]) => `${safely(key)}=${safely(value)}`).join('&');
  return text === '' ? '' : `?${text}`;
});

/** Lone surrogates have no form in a URL. */
export function safely(text: string): string {
  return encodeURIComponent(text.replace(/\p{Surrogate}/gu, ''));
}

export const type = fc.constantFrom(
  'application/json',
  'application/yaml',
  'application/json-patch+json',
  'application/merge-patch+json',
  'application/strategic-merge-patch+json',
  'application/apply-patch+yaml',
  'application/apply-patch+cbor',
  'application/vnd.kubernetes.protobuf',
  'text/plain',
  ';',
  'application/json;charset=latin1',
  '',
);
export const accept = fc.constantFrom(
  'application/json',
  '*/*',
  'application/json;as=Table;v=v1;g=meta.k8s.io',
  'application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io',
  'application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io,application/json',
  'application/vnd.kubernetes.protobuf',
  'application/cbor',
  ',,;;',
  'text/html',
  'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList',
);
export const extraHeader = fc.constantFrom<Readonly<Record<string, string>>>(
  {},
  {},
  {},
  { expect: '100-continue' },
  { expect: 'a miracle' },
  { connection: 'upgrade', upgrade: 'h2c' },
  { upgrade: 'websocket' },
  { 'content-encoding': 'gzip' },
  { 'x-http-method-override': 'DELETE' },
  { cookie: 'a=b' },
  { 'impersonate-user': 'system:admin' },
  { authorization: 'Bearer abc' },
  { 'x-long': 'y'.repeat(20_000) },
  { te: 'trailers' },
  { 'user-agent': '\u00e9"\\' },
  { host: '' },
);

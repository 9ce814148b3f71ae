import type { JsonObject } from '../json.ts';
import { createObject } from '../operations/create.ts';
import type { Environment } from '../operations/environment.ts';
import { keyOf, type ResourceDefinition } from '../registry/definition.ts';
import { PERMANENT_NAMESPACES } from './namespace-strategy.ts';

const user = { username: 'system:apiserver', groups: ['system:masters'] };

const everything = [
  { apiGroups: ['*'], resources: ['*'], verbs: ['*'] },
  { nonResourceURLs: ['*'], verbs: ['*'] },
];

const visible =
  'namespaces nodes pods pods/log services configmaps serviceaccounts events persistentvolumes persistentvolumeclaims';
const visibleGroups = [
  'mpd.polardb.aliyun.com',
  'discovery.k8s.io',
  'coordination.k8s.io',
  'storage.k8s.io',
  'events.k8s.io',
];
const verbs = ['get', 'list', 'watch'];
/** Everything but Secrets, roles and running commands. */
const reading = [
  { apiGroups: [''], resources: visible.split(' '), verbs },
  { apiGroups: visibleGroups, resources: ['*'], verbs },
];

/** The group of the proxy's certificate, and the name of its role: it follows services and tells what it cannot serve. */
const PROXY = 'polarstack:proxy';
const proxying = [
  { apiGroups: [''], resources: ['services'], verbs },
  { apiGroups: ['discovery.k8s.io'], resources: ['endpointslices'], verbs },
  { apiGroups: ['', 'events.k8s.io'], resources: ['events'], verbs: ['create', 'patch'] },
];

/** Cluster roles that people expect to find, and our proxy's. */
const clusterRoles: readonly (readonly [string, readonly object[]])[] = [
  ['cluster-admin', everything],
  ['view', reading],
  [PROXY, proxying],
];
const proxyBinding = {
  metadata: { name: PROXY },
  roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: PROXY },
  subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'Group', name: PROXY }],
};

/** Makes what every cluster has, where it is missing: the permanent namespaces, roles and the `default` accounts. */
export async function ensureDefaults(env: Environment): Promise<void> {
  const ensure = async (
    definition: ResourceDefinition,
    namespace: string | undefined,
    value: JsonObject,
  ): Promise<void> => {
    const name = String((value.metadata as JsonObject).name);
    if (env.store.get(keyOf(definition, namespace, name))) return;
    await createObject(env, {
      definition,
      namespace,
      value,
      context: { now: env.clock.now(), user, dryRun: false },
      fieldValidation: 'Ignore',
      duplicates: [],
      warn: () => {},
    });
  };
  const find = (group: string, plural: string): ResourceDefinition => {
    const found = env.registry.find(group, 'v1', plural);
    if (!found) throw new Error(`${plural} is no built-in resource`);
    return found;
  };
  const namespaces = find('', 'namespaces');
  const accounts = find('', 'serviceaccounts');
  const roles = find('rbac.authorization.k8s.io', 'clusterroles');
  const bindings = find('rbac.authorization.k8s.io', 'clusterrolebindings');
  await Promise.all(PERMANENT_NAMESPACES.map((name) => ensure(namespaces, undefined, { metadata: { name } })));
  await Promise.all([
    ...PERMANENT_NAMESPACES.map((namespace) => ensure(accounts, namespace, { metadata: { name: 'default' } })),
    ...clusterRoles.map(([name, rules]) => ensure(roles, undefined, { metadata: { name }, rules })),
    ensure(bindings, undefined, proxyBinding),
  ]);
}

/**
 * Applies the manifests that come with a build: what the API must hold before the operator starts. Only what differs is
 * written, so a start of a home that is up to date writes nothing.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { StackError } from '@polarstack/base';
import { type KubeClient, type KubeObject, objectKey, type Resource } from '@polarstack/kube';
import { parseAllDocuments } from 'yaml';

/** The kinds that our own manifests may use. */
const kinds: Readonly<Record<string, Resource<KubeObject>>> = {
  'apiextensions.k8s.io/v1 CustomResourceDefinition': {
    group: 'apiextensions.k8s.io',
    version: 'v1',
    kind: 'CustomResourceDefinition',
    plural: 'customresourcedefinitions',
    namespaced: false,
  },
  'v1 Namespace': { group: '', version: 'v1', kind: 'Namespace', plural: 'namespaces', namespaced: false },
  'v1 ConfigMap': { group: '', version: 'v1', kind: 'ConfigMap', plural: 'configmaps', namespaced: true },
  'v1 Service': { group: '', version: 'v1', kind: 'Service', plural: 'services', namespaced: true },
  'v1 ServiceAccount': {
    group: '',
    version: 'v1',
    kind: 'ServiceAccount',
    plural: 'serviceaccounts',
    namespaced: true,
  },
  'storage.k8s.io/v1 StorageClass': {
    group: 'storage.k8s.io',
    version: 'v1',
    kind: 'StorageClass',
    plural: 'storageclasses',
    namespaced: false,
  },
  'rbac.authorization.k8s.io/v1 ClusterRole': {
    group: 'rbac.authorization.k8s.io',
    version: 'v1',
    kind: 'ClusterRole',
    plural: 'clusterroles',
    namespaced: false,
  },
  'rbac.authorization.k8s.io/v1 ClusterRoleBinding': {
    group: 'rbac.authorization.k8s.io',
    version: 'v1',
    kind: 'ClusterRoleBinding',
    plural: 'clusterrolebindings',
    namespaced: false,
  },
  'admissionregistration.k8s.io/v1 ValidatingAdmissionPolicy': {
    group: 'admissionregistration.k8s.io',
    version: 'v1',
    kind: 'ValidatingAdmissionPolicy',
    plural: 'validatingadmissionpolicies',
    namespaced: false,
  },
  'admissionregistration.k8s.io/v1 ValidatingAdmissionPolicyBinding': {
    group: 'admissionregistration.k8s.io',
    version: 'v1',
    kind: 'ValidatingAdmissionPolicyBinding',
    plural: 'validatingadmissionpolicybindings',
    namespaced: false,
  },
};

/** Reads the manifests of a folder: as the build has written them, which spares a start the parsing of YAML. */
export function readManifests(folder: string): readonly KubeObject[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.json'))
    .sort()
    .flatMap((name) => JSON.parse(readFileSync(join(folder, name), 'utf8')) as readonly KubeObject[]);
}

export function parseManifests(text: string, source: string): readonly KubeObject[] {
  return parseAllDocuments(text)
    .map((document) => {
      const [error] = document.errors;
      if (error) throw new StackError('Internal', `${source}: ${error.message}`, { cause: error });
      return document.toJS() as KubeObject | null;
    })
    .filter((object): object is KubeObject => object !== null);
}

function resourceOf(object: KubeObject): Resource<KubeObject> {
  const resource = kinds[`${object.apiVersion} ${object.kind}`];
  if (resource) return resource;
  throw new StackError('Internal', `a manifest of ours has the unknown kind ${object.apiVersion} ${object.kind}`);
}

/** As many writes at a time: each takes a connection, whose handshake costs more than the write. */
const WRITERS = 4;

/** Creates what is missing and merges what differs; answers how many objects were written. */
export async function applyManifests(
  client: KubeClient,
  objects: readonly KubeObject[],
  signal: AbortSignal,
): Promise<number> {
  const present = await readPresent(client, objects, signal);
  const differing = objects.filter((object) => !contains(present.get(identity(object)), object));
  const waiting = differing.values();
  const writer = async (): Promise<void> => {
    for (const object of waiting) await write(client, object, present.get(identity(object)), signal);
  };
  await Promise.all(Array.from({ length: WRITERS }, writer));
  return differing.length;
}

const identity = (object: KubeObject): string => `${object.kind} ${objectKey(object)}`;

/** One list for each kind and namespace, rather than a request for each object. */
async function readPresent(
  client: KubeClient,
  objects: readonly KubeObject[],
  signal: AbortSignal,
): Promise<ReadonlyMap<string, KubeObject>> {
  const places = new Map(objects.map((object) => [`${object.kind} ${object.metadata?.namespace ?? ''}`, object]));
  const lists = await Promise.all(
    [...places.values()].map((object) => {
      const { namespace } = object.metadata ?? {};
      return client.list(resourceOf(object), namespace === undefined ? {} : { namespace }, signal);
    }),
  );
  return new Map(lists.flatMap(({ items }) => items.map((item) => [identity(item), item] as const)));
}

async function write(
  client: KubeClient,
  object: KubeObject,
  present: KubeObject | undefined,
  signal: AbortSignal,
): Promise<void> {
  const resource = resourceOf(object);
  if (present === undefined) {
    await client.create(resource, object, signal);
    return;
  }
  const { name = '', namespace } = object.metadata ?? {};
  const key = { name, ...(namespace === undefined ? {} : { namespace }) };
  await client.patch(resource, key, { type: 'merge', body: object }, signal);
}

/** True where everything that `wanted` says is in `present` already; the server adds fields of its own. */
export function contains(present: unknown, wanted: unknown): boolean {
  if (Array.isArray(wanted)) {
    return (
      Array.isArray(present) &&
      present.length === wanted.length &&
      wanted.every((item, i) => contains(present[i], item))
    );
  }
  if (typeof wanted === 'object' && wanted !== null) {
    if (typeof present !== 'object' || present === null) return false;
    return Object.entries(wanted).every(([name, value]) => contains((present as Record<string, unknown>)[name], value));
  }
  return present === wanted;
}

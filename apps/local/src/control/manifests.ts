/**
 * Applies the manifests that come with a build: what the API must hold before the operator starts. Only what differs is
 * written, so a start of a home that is up to date writes nothing.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isStackError, StackError } from '@polarstack/base';
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
};

/** Reads every document of every YAML file of a folder, in the order of their names. */
export function readManifests(folder: string): readonly KubeObject[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.yaml'))
    .sort()
    .flatMap((name) => parseManifests(readFileSync(join(folder, name), 'utf8'), join(folder, name)));
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

/** Creates what is missing and merges what differs; answers how many objects were written. */
export async function applyManifests(
  client: KubeClient,
  objects: readonly KubeObject[],
  signal: AbortSignal,
): Promise<number> {
  const written = await Promise.all(objects.map((object) => apply(client, object, signal)));
  return written.filter(Boolean).length;
}

async function apply(client: KubeClient, object: KubeObject, signal: AbortSignal): Promise<boolean> {
  const resource = resourceOf(object);
  const { name, namespace } = object.metadata ?? {};
  if (name === undefined) throw new StackError('Internal', `a manifest of kind ${object.kind} has no name`);
  const key = { name, ...(namespace === undefined ? {} : { namespace }) };
  const present = await client.find(resource, key, signal);
  if (present === undefined) {
    try {
      await client.create(resource, object, signal);
    } catch (error) {
      if (!isStackError(error, 'AlreadyExists')) throw error;
      throw new StackError('Conflict', `${objectKey(object)} was made by somebody else at the same time`, {
        cause: error,
      });
    }
    return true;
  }
  if (contains(present, object)) return false;
  await client.patch(resource, key, { type: 'merge', body: object }, signal);
  return true;
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

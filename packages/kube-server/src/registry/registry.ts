import type { ObjectStore, StoredObject } from '../store/object-store.ts';
import { customDefinitions } from './custom.ts';
import { type ResourceDefinition, storePrefix } from './definition.ts';

/** Where definitions are kept. */
export const CRD_PREFIX = storePrefix('apiextensions.k8s.io', 'customresourcedefinitions');

/** Finds resources. What a CustomResourceDefinition serves is read from the store, so a lookup is never behind it. */
export interface Registry {
  find(group: string, version: string, plural: string): ResourceDefinition | undefined;
  /** By kind, as owner references name things. */
  findKind(apiVersion: string, kind: string): ResourceDefinition | undefined;
  /** The resource that keeps its objects under a key of the store, in the version that they are stored in. */
  findStored(key: string): ResourceDefinition | undefined;
  /** All resources in all versions, built-in ones first. */
  all(): readonly ResourceDefinition[];
}

export function createRegistry(store: ObjectStore, builtin: readonly ResourceDefinition[]): Registry {
  const path = (group: string, version: string, plural: string): string => `${group}/${version}/${plural}`;
  const byPath = new Map(builtin.map((d) => [path(d.group, d.version, d.plural), d]));
  /** Compiled definitions live as long as the stored object that they were compiled from. */
  const compiled = new WeakMap<StoredObject, readonly ResourceDefinition[]>();

  const definitionsOf = (crd: StoredObject): readonly ResourceDefinition[] => {
    const ready = compiled.get(crd);
    if (ready) return ready;
    const made = customDefinitions(crd);
    compiled.set(crd, made);
    return made;
  };

  const custom = (): readonly ResourceDefinition[] =>
    store.list(CRD_PREFIX).flatMap(({ object }) => definitionsOf(object));

  const all = (): readonly ResourceDefinition[] => [...builtin, ...custom()];

  return {
    find: (group, version, plural) => {
      const known = byPath.get(path(group, version, plural));
      if (known) return known;
      const crd = store.get(`${CRD_PREFIX}${plural}.${group}`);
      return crd ? definitionsOf(crd).find((d) => d.version === version) : undefined;
    },
    findKind: (apiVersion, kind) => {
      const matches = (d: ResourceDefinition): boolean => d.apiVersion === apiVersion && d.kind === kind;
      return builtin.find(matches) ?? custom().find(matches);
    },
    findStored: (key) => {
      const [group = '', plural = ''] = key.split('/', 2);
      const known = builtin.find((d) => d.prefix === `${group}/${plural}/` && d.view === undefined);
      if (known) return known;
      const crd = store.get(`${CRD_PREFIX}${plural}.${group}`);
      const versions = crd ? definitionsOf(crd) : [];
      return versions.find((d) => d.apiVersion === d.storedApiVersion) ?? versions[0];
    },
    all,
  };
}

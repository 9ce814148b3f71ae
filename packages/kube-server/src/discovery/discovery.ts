/** What the server serves, in the two forms that clients ask for: aggregated (v2) and one document a group. */
import { createHash } from 'node:crypto';
import type { ResourceDefinition } from '../registry/definition.ts';

const STATUS_VERBS = ['get', 'patch', 'update'];

/** Requests that are answered and not stored: they exist for discovery alone. */
export interface VirtualResource {
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly singular: string;
  readonly kind: string;
}

export const virtualResources: readonly VirtualResource[] = [
  {
    group: 'authorization.k8s.io',
    version: 'v1',
    plural: 'selfsubjectaccessreviews',
    singular: 'selfsubjectaccessreview',
    kind: 'SelfSubjectAccessReview',
  },
  {
    group: 'authorization.k8s.io',
    version: 'v1',
    plural: 'selfsubjectrulesreviews',
    singular: 'selfsubjectrulesreview',
    kind: 'SelfSubjectRulesReview',
  },
  {
    group: 'authentication.k8s.io',
    version: 'v1',
    plural: 'selfsubjectreviews',
    singular: 'selfsubjectreview',
    kind: 'SelfSubjectReview',
  },
];

interface Served {
  readonly custom: boolean;
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly singular: string;
  readonly kind: string;
  readonly namespaced: boolean;
  readonly verbs: readonly string[];
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  readonly subresources: readonly SubresourceInfo[];
  /** Undefined for what is not stored. */
  readonly storedApiVersion?: string;
}

interface SubresourceInfo {
  readonly name: string;
  readonly kind: string;
  readonly group: string;
  readonly version: string;
  readonly verbs: readonly string[];
}

function subresourcesOf(d: ResourceDefinition): readonly SubresourceInfo[] {
  const own = { group: d.group, version: d.version };
  return [
    ...d.subresources.map(({ name, kind, verbs, group, version }) => ({
      name,
      kind,
      group: group ?? own.group,
      version: version ?? own.version,
      verbs,
    })),
    ...(d.scale ? [{ name: 'scale', kind: 'Scale', group: 'autoscaling', version: 'v1', verbs: STATUS_VERBS }] : []),
    ...(d.hasStatus ? [{ name: 'status', kind: d.kind, ...own, verbs: STATUS_VERBS }] : []),
  ];
}

function served(definitions: readonly ResourceDefinition[]): readonly Served[] {
  return [
    ...definitions.map((d) => ({ ...d, subresources: subresourcesOf(d) })),
    ...virtualResources.map((v) => ({
      ...v,
      custom: false,
      namespaced: false,
      verbs: ['create'],
      shortNames: [],
      categories: [],
      subresources: [],
    })),
  ];
}

function unique(values: readonly string[]): readonly string[] {
  return [...new Set(values)];
}

/** v2 before v1 before v1beta2 before v1alpha1. */
function byPriority(a: string, b: string): number {
  const rank = (version: string): readonly number[] => {
    const match = /^v(\d+)(?:(alpha|beta)(\d+))?$/.exec(version);
    if (!match) return [-1, 0, 0];
    const [, major, stage, minor] = match;
    return [stage === undefined ? 2 : stage === 'beta' ? 1 : 0, Number(major), Number(minor ?? 0)];
  };
  const [x, y] = [rank(a), rank(b)];
  const at = x.findIndex((value, i) => value !== y[i]);
  return at < 0 ? a.localeCompare(b) : (y[at] ?? 0) - (x[at] ?? 0);
}

function versionsOf(all: readonly Served[], group: string): readonly string[] {
  return [...unique(all.filter((r) => r.group === group).map((r) => r.version))].sort(byPriority);
}

/** `/api` or `/apis` in the aggregated form. */
export function aggregated(definitions: readonly ResourceDefinition[], core: boolean): object {
  const all = served(definitions);
  const groups = unique(all.map((r) => r.group)).filter((group) => (group === '') === core);
  return {
    kind: 'APIGroupDiscoveryList',
    apiVersion: 'apidiscovery.k8s.io/v2',
    metadata: {},
    items: groups.map((group) => ({
      metadata: { name: group, creationTimestamp: null },
      versions: versionsOf(all, group).map((version) => ({
        version,
        freshness: 'Current',
        resources: all.filter((r) => r.group === group && r.version === version).map(aggregatedResource),
      })),
    })),
  };
}

/** Built-in resources leave out what the list says already, custom ones do not: as Kubernetes does it. */
function responseKind(
  r: Served,
  { group, version, kind }: Pick<SubresourceInfo, 'group' | 'version' | 'kind'>,
): object {
  const isSaid = !r.custom && group === r.group && version === r.version;
  return isSaid ? { group: '', version: '', kind } : { group, version, kind };
}

function aggregatedResource(r: Served): object {
  return {
    resource: r.plural,
    responseKind: responseKind(r, r),
    scope: r.namespaced ? 'Namespaced' : 'Cluster',
    singularResource: r.singular,
    verbs: r.verbs,
    ...(r.shortNames.length > 0 ? { shortNames: r.shortNames } : {}),
    ...(r.categories.length > 0 ? { categories: r.categories } : {}),
    ...(r.subresources.length > 0
      ? {
          subresources: r.subresources.map(({ name, kind, group, version, verbs }) => ({
            subresource: name,
            responseKind: responseKind(r, { group, version, kind }),
            verbs,
          })),
        }
      : {}),
  };
}

const groupVersion = (group: string, version: string): string => (group === '' ? version : `${group}/${version}`);

/** `/apis`. */
export function groupList(definitions: readonly ResourceDefinition[]): object {
  const all = served(definitions);
  const groups = unique(all.map((r) => r.group)).filter((group) => group !== '');
  return { kind: 'APIGroupList', apiVersion: 'v1', groups: groups.map((group) => groupOf(all, group)) };
}

function groupOf(all: readonly Served[], name: string): object {
  const versions = versionsOf(all, name).map((version) => ({ groupVersion: groupVersion(name, version), version }));
  return { name, versions, preferredVersion: versions[0] };
}

/** `/apis/<group>`; undefined for a group that is not served. */
export function singleGroup(definitions: readonly ResourceDefinition[], name: string): object | undefined {
  const all = served(definitions);
  return all.some((r) => r.group === name) ? { kind: 'APIGroup', apiVersion: 'v1', ...groupOf(all, name) } : undefined;
}

/** `/api/v1` and `/apis/<group>/<version>`; undefined for what is not served. */
export function resourceList(
  definitions: readonly ResourceDefinition[],
  group: string,
  version: string,
): object | undefined {
  const all = served(definitions).filter((r) => r.group === group && r.version === version);
  if (all.length === 0) return undefined;
  return {
    kind: 'APIResourceList',
    apiVersion: 'v1',
    groupVersion: groupVersion(group, version),
    resources: all.flatMap((r) => [
      {
        name: r.plural,
        singularName: r.singular,
        namespaced: r.namespaced,
        kind: r.kind,
        verbs: r.verbs,
        ...(r.shortNames.length > 0 ? { shortNames: r.shortNames } : {}),
        ...(r.categories.length > 0 ? { categories: r.categories } : {}),
        ...(r.storedApiVersion === undefined ? {} : { storageVersionHash: storageHash(r.storedApiVersion, r.kind) }),
      },
      ...r.subresources.map((s) => ({
        name: `${r.plural}/${s.name}`,
        singularName: '',
        namespaced: r.namespaced,
        ...(s.group === r.group && s.version === r.version ? {} : { group: s.group, version: s.version }),
        kind: s.kind,
        verbs: s.verbs,
      })),
    ]),
  };
}

/** By which a client sees that objects are stored in another version than before: the same for the same version. */
function storageHash(storedApiVersion: string, kind: string): string {
  // Kubernetes keeps definitions in their first version still; a client that compares the hashes sees the same here.
  const apiVersion = kind === 'CustomResourceDefinition' ? 'apiextensions.k8s.io/v1beta1' : storedApiVersion;
  const text = `${apiVersion.includes('/') ? '' : '/'}${apiVersion}/${kind}`;
  return createHash('sha256').update(text).digest().subarray(0, 8).toString('base64');
}

/** All group versions as OpenAPI paths name them: `api/v1`, `apis/apps/v1`. */
export function groupVersionPaths(definitions: readonly ResourceDefinition[]): readonly string[] {
  return unique(served(definitions).map((r) => (r.group === '' ? `api/${r.version}` : `apis/${r.group}/${r.version}`)));
}

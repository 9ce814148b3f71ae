/** What a path of the API names: `/api/v1/namespaces/<ns>/<plural>/<name>/<subresource>` and its shorter forms. */
export interface ResourcePath {
  readonly group: string;
  readonly version: string;
  readonly namespace?: string;
  readonly plural: string;
  readonly name?: string;
  readonly subresource?: string;
  /** By the older way to ask for a watch: `/api/v1/watch/...`. */
  readonly isWatch?: true;
}

/** `/api/v1` or `/apis/<group>/<version>` without anything below: discovery. */
export interface GroupVersionPath {
  readonly group: string;
  readonly version: string;
}

export type ApiPath =
  | { readonly kind: 'resource'; readonly resource: ResourcePath }
  | { readonly kind: 'groupVersion'; readonly groupVersion: GroupVersionPath }
  /** Nothing; with the group below which it would lie. */
  | { readonly kind: 'other'; readonly group?: string };

/** Subresources of a namespace; anything else below it is a resource inside it. */
const namespaceSubresources = new Set(['status', 'finalize']);

function decode(path: string): string | undefined {
  try {
    return decodeURIComponent(path);
  } catch {
    return undefined; // malformed percent signs name nothing
  }
}

export function parsePath(path: string): ApiPath {
  // As Kubernetes does: a slash that is written as %2F parts as any other.
  const parts = decode(path)
    ?.split('/')
    .filter((part) => part !== '');
  if (!parts || parts.some((part) => part === '..' || part === '.')) return { kind: 'other' };
  const [root, ...rest] = parts;
  if (root === 'api') return below('', rest);
  if (root === 'apis') return below(rest[0] ?? '', rest.slice(1));
  return { kind: 'other' };
}

function below(group: string, parts: readonly string[]): ApiPath {
  const [version, ...rest] = parts;
  if (version === undefined) return { kind: 'other' };
  if (rest.length === 0) return { kind: 'groupVersion', groupVersion: { group, version } };
  const isWatch = rest[0] === 'watch' && rest.length > 1;
  const found = resourcePath(group, version, isWatch ? rest.slice(1) : rest);
  const resource: ResourcePath | undefined = found && isWatch ? { ...found, isWatch } : found;
  if (resource?.isWatch && resource.subresource !== undefined) return { kind: 'other' };
  return resource ? { kind: 'resource', resource } : { kind: 'other', group };
}

function resourcePath(group: string, version: string, parts: readonly string[]): ResourcePath | undefined {
  const [first = '', second, third] = parts;
  const inNamespace =
    first === 'namespaces' && second !== undefined && third !== undefined && !namespaceSubresources.has(third);
  const tail = inNamespace ? parts.slice(2) : parts;
  const [plural = '', name, subresource, ...more] = tail;
  if (more.length > 0) return undefined;
  return {
    group,
    version,
    plural,
    ...(inNamespace ? { namespace: second } : {}),
    ...(name === undefined ? {} : { name }),
    ...(subresource === undefined ? {} : { subresource }),
  };
}

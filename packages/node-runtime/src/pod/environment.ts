import { StackError } from '@polarstack/base';
import type { ConfigMap, Container, EnvVar, Pod, Secret } from 'kubernetes-types/core/v1.js';

/** Where values of a container's environment come from; each answers undefined where there is no such object. */
export interface EnvironmentSources {
  configMap(name: string): Promise<ConfigMap | undefined>;
  secret(name: string): Promise<Secret | undefined>;
}

export interface DownwardFacts {
  readonly pod: Pod;
  readonly podIP: string;
  readonly hostIP: string;
  readonly nodeName: string;
}

const name = /^[-._A-Za-z][-._A-Za-z0-9]*$/;

/** The value of a `fieldRef`. Throws `InvalidPod` for a path the downward API does not have. */
export function downwardField(path: string, facts: DownwardFacts): string {
  const { metadata = {}, spec } = facts.pod;
  const subscript = path.match(/^metadata\.(labels|annotations)\['(.+)'\]$/);
  if (subscript) {
    const map = subscript[1] === 'labels' ? metadata.labels : metadata.annotations;
    return map?.[subscript[2] ?? ''] ?? '';
  }
  switch (path) {
    case 'metadata.name':
      return metadata.name ?? '';
    case 'metadata.namespace':
      return metadata.namespace ?? '';
    case 'metadata.uid':
      return metadata.uid ?? '';
    case 'metadata.labels':
    case 'metadata.annotations': {
      const map = (path === 'metadata.labels' ? metadata.labels : metadata.annotations) ?? {};
      return Object.keys(map)
        .sort()
        .map((key) => `${key}=${JSON.stringify(map[key])}`)
        .join('\n');
    }
    case 'spec.nodeName':
      return facts.nodeName;
    case 'spec.serviceAccountName':
      return spec?.serviceAccountName ?? 'default';
    case 'status.podIP':
    case 'status.podIPs':
      return facts.podIP;
    case 'status.hostIP':
    case 'status.hostIPs':
      return facts.hostIP;
    default:
      throw new StackError('InvalidPod', `fieldRef ${path} is not supported`);
  }
}

/** Replaces `$(NAME)` by known values; `$$` is a literal `$`, and unknown names stay as they are. */
export function expand(text: string, values: Readonly<Record<string, string>>): string {
  return text.replace(/\$\$|\$\(([^()]+)\)/g, (match, key: string | undefined) =>
    key === undefined ? '$' : (values[key] ?? match),
  );
}

const missing = (what: string): StackError => new StackError('MountFailed', what);

async function variableValue(
  variable: EnvVar,
  known: Readonly<Record<string, string>>,
  facts: DownwardFacts,
  sources: EnvironmentSources,
): Promise<string | undefined> {
  const from = variable.valueFrom;
  if (!from) return expand(variable.value ?? '', known);
  if (from.fieldRef) return downwardField(from.fieldRef.fieldPath, facts);
  if (from.configMapKeyRef) {
    const { name: object = '', key, optional } = from.configMapKeyRef;
    const value = (await sources.configMap(object))?.data?.[key];
    if (value === undefined && !optional) throw missing(`ConfigMap ${object} with key ${key} does not exist`);
    return value;
  }
  if (from.secretKeyRef) {
    const { name: object = '', key, optional } = from.secretKeyRef;
    const value = (await sources.secret(object))?.data?.[key];
    if (value === undefined && !optional) throw missing(`Secret ${object} with key ${key} does not exist`);
    return value === undefined ? undefined : Buffer.from(value, 'base64').toString('utf8');
  }
  throw new StackError('InvalidPod', `the source of variable ${variable.name} is not supported`);
}

async function fromObjects(container: Container, sources: EnvironmentSources): Promise<Record<string, string>> {
  const values: Record<string, string> = {};
  for (const { prefix = '', configMapRef, secretRef } of container.envFrom ?? []) {
    const add = (key: string, value: string): void => {
      if (name.test(prefix + key)) values[prefix + key] = value;
    };
    if (configMapRef) {
      const object = await sources.configMap(configMapRef.name ?? '');
      if (!object && !configMapRef.optional) throw missing(`ConfigMap ${configMapRef.name} does not exist`);
      for (const [key, value] of Object.entries(object?.data ?? {})) add(key, value);
    }
    if (secretRef) {
      const object = await sources.secret(secretRef.name ?? '');
      if (!object && !secretRef.optional) throw missing(`Secret ${secretRef.name} does not exist`);
      for (const [key, value] of Object.entries(object?.data ?? {})) {
        add(key, Buffer.from(value, 'base64').toString('utf8'));
      }
    }
  }
  return values;
}

/**
 * The variables that a container's spec asks for, in Kubernetes' order: `envFrom`, then `env`, later ones win and may
 * refer to earlier ones. Nothing of this process's own environment is in it.
 */
export async function resolveEnvironment(
  container: Container,
  facts: DownwardFacts,
  sources: EnvironmentSources,
): Promise<Record<string, string>> {
  const values = await fromObjects(container, sources);
  for (const variable of container.env ?? []) {
    const value = await variableValue(variable, values, facts, sources);
    if (value !== undefined) values[variable.name] = value;
  }
  return values;
}

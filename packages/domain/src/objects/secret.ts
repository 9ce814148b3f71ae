import { labels } from '@polarstack/api';
import type { ConfigMap, Secret } from 'kubernetes-types/core/v1.js';
import type { ClusterFacts } from '../cluster/facts.ts';
import { ownedBy } from './metadata.ts';

type Owner = Pick<ClusterFacts, 'name' | 'namespace' | 'uid'>;

/** A Secret of a cluster from clear text values. */
export function buildSecret(
  owner: Owner,
  name: string,
  values: Readonly<Record<string, string>>,
  type: 'Opaque' | 'kubernetes.io/tls' = 'Opaque',
): Secret {
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: ownedBy(owner, name, { [labels.secretCluster]: owner.name }),
    type,
    data: Object.fromEntries(
      Object.entries(values).map(([key, value]) => [key, Buffer.from(value).toString('base64')]),
    ),
  };
}

/** A value of a Secret in clear text; undefined where it has none. */
export function secretValue(secret: Pick<Secret, 'data'>, key: string): string | undefined {
  const value = secret.data?.[key];
  return value === undefined ? undefined : Buffer.from(value, 'base64').toString();
}

export function buildConfigMap(
  owner: Owner,
  name: string,
  data: Readonly<Record<string, string>>,
  more: Readonly<Record<string, string>> = {},
): ConfigMap {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: ownedBy(owner, name, more), data: { ...data } };
}

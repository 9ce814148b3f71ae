import { type MPDCluster, names } from '@polarstack/api';
import { StackError } from '@polarstack/base';
import { AUTHORITY_DAYS, buildConfigMap, buildSecret, secretValue } from '@polarstack/domain';
import { ConfigMaps, type KubeClient, Secrets } from '@polarstack/kube';
import { createAuthority, type KeyPair } from '@polarstack/pki';
import type { Secret } from 'kubernetes-types/core/v1.js';
import { clusterKey } from '../kube/cluster-status-writer.ts';
import { ensure } from '../kube/ensure.ts';

/** The authority of a cluster from its Secret; undefined where there is none. */
export function authorityOf(secret: Secret | undefined): KeyPair | undefined {
  const certPem = secret && secretValue(secret, 'ca.crt');
  const keyPem = secret && secretValue(secret, 'ca.key');
  return certPem && keyPem ? { certPem, keyPem } : undefined;
}

/** The authority of a cluster, made where there is none: stored before anything is signed with it. */
export async function ensureAuthority(
  client: KubeClient,
  cluster: MPDCluster,
  existing: Secret | undefined,
  now: Date,
  signal: AbortSignal,
): Promise<KeyPair> {
  const owner = clusterKey(cluster);
  const name = names.ca(owner.name);
  let authority = authorityOf(existing);
  if (!authority) {
    const fresh = await createAuthority({ commonName: `${owner.namespace}/${owner.name}`, days: AUTHORITY_DAYS, now });
    const secret = buildSecret(owner, name, { 'ca.crt': fresh.certPem, 'ca.key': fresh.keyPem });
    authority = authorityOf(await ensure(client, Secrets, secret, { owner: cluster }, signal));
    if (!authority) throw new StackError('NameTaken', `Secret ${name} holds no authority`);
  }
  // For users: what they need for sslmode=verify-full, and nothing secret.
  const published = buildConfigMap(owner, name, { 'ca.crt': authority.certPem });
  await ensure(client, ConfigMaps, published, { owner: cluster }, signal);
  return authority;
}

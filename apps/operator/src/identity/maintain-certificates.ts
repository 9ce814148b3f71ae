import { type MPDCluster, names } from '@polarstack/api';
import { type Clock, type Logger, StackError } from '@polarstack/base';
import { type ClusterSeen, clientLeaves, type LeafSpec, recordedMembership, serverLeaf } from '@polarstack/domain';
import { isOwnedBy, Secrets } from '@polarstack/kube';
import type { Secret } from 'kubernetes-types/core/v1.js';
import { clusterKey } from '../kube/cluster-status-writer.ts';
import { clusterSecrets, serviceAddresses } from '../steps/ensure-secrets.ts';
import type { Services } from '../steps/services.ts';
import { authorityOf } from './authority.ts';
import { issueLeaf } from './issue-leaf.ts';
import { reasonToIssue } from './leaf-state.ts';

/** How often the certificates of a cluster are looked at, in milliseconds of a clock that never goes back. */
const EVERY_MS = 3_600_000;

/**
 * Renews the certificates of clusters after two thirds of their life, and whenever a pod or a service has an
 * address that a certificate does not name. The Secrets are written; agents read them again without a restart.
 */
export function createCertificateKeeper(services: Services, clock: Clock, logger: Logger) {
  const checked = new Map<string, { readonly at: number; readonly addresses: string }>();

  return {
    maintain: async (cluster: MPDCluster, seen: ClusterSeen, signal: AbortSignal): Promise<void> => {
      const uid = cluster.metadata.uid ?? '';
      const pods = [...seen.instances].map(([id, { pod }]) => `${id}=${pod?.podIP ?? ''}`);
      const addresses = [...pods, ...Object.values(seen.endpoints).map(({ host }) => host ?? '')].join(',');
      const last = checked.get(uid);
      if (last && last.addresses === addresses && clock.monotonic() - last.at < EVERY_MS) return;
      await renewDue(cluster, seen, signal);
      checked.set(uid, { at: clock.monotonic(), addresses });
    },
    forget: (uid: string): void => {
      checked.delete(uid);
    },
  };

  async function renewDue(cluster: MPDCluster, seen: ClusterSeen, signal: AbortSignal): Promise<void> {
    const { client } = services;
    const owner = clusterKey(cluster);
    const existing = await clusterSecrets(client, owner, signal);
    const authority = authorityOf(existing.get(names.ca(owner.name)));
    if (!authority) throw new StackError('SecretMissing', `Secret ${names.ca(owner.name)} is missing or incomplete`);
    const now = clock.now();
    for (const spec of await leavesOf(cluster, seen, signal)) {
      const found = existing.get(spec.secret);
      const reason = reasonToIssue(spec, found, authority.certPem, now);
      if (!reason) continue;
      await store(cluster, found, await issueLeaf(owner, authority, spec, now), signal);
      logger.info({ certificate: spec.secret, reason }, 'issued a certificate');
      if (spec.commonName === 'operator') services.agents.forget(owner);
    }
  }

  async function leavesOf(cluster: MPDCluster, seen: ClusterSeen, signal: AbortSignal): Promise<readonly LeafSpec[]> {
    const owner = clusterKey(cluster);
    const addresses = [...(await serviceAddresses(services.client, owner, signal)).values()];
    const servers = (recordedMembership(cluster)?.members ?? []).map((member) => {
      const pod = seen.instances.get(member.instanceId)?.pod?.podIP;
      return serverLeaf(owner, member, { services: addresses, ...(pod && { pod }) });
    });
    return [...servers, ...clientLeaves(owner.name)];
  }

  async function store(
    cluster: MPDCluster,
    found: Secret | undefined,
    made: Secret,
    signal: AbortSignal,
  ): Promise<void> {
    if (!found) {
      await services.client.create(Secrets, made, signal);
    } else if (isOwnedBy(found, cluster)) {
      await services.client.replace(Secrets, { ...found, data: made.data ?? {} }, signal);
    } else {
      throw new StackError('NameTaken', `Secret ${found.metadata?.name} does not belong to the cluster`);
    }
  }
}

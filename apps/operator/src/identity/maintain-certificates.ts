import { type MPDCluster, names } from '@polarstack/api';
import type { Clock, Logger } from '@polarstack/base';
import {
  buildSecret,
  type ClusterSeen,
  clientLeaves,
  type Fault,
  type LeafSpec,
  serverLeaf,
  settledMembership,
} from '@polarstack/domain';
import { Secrets } from '@polarstack/kube';
import type { Secret } from 'kubernetes-types/core/v1.js';
import { clusterKey } from '../kube/cluster-status-writer.ts';
import type { Content } from '../mending/content.ts';
import { fault } from '../mending/fault.ts';
import { mendObject } from '../mending/mend-object.ts';
import { clusterSecrets, serviceAddresses } from '../steps/ensure-secrets.ts';
import type { Services } from '../steps/services.ts';
import { authorityOf } from './authority.ts';
import { issueLeaf } from './issue-leaf.ts';
import { reasonToIssue } from './leaf-state.ts';

/** How often the certificates of a cluster are looked at, in milliseconds of a clock that never goes back. */
const EVERY_MS = 3_600_000;
/** The same while the authority is lost: it may have been restored without its labels. */
const LOST_EVERY_MS = 10_000;

interface Checked {
  readonly at: number;
  /** What was looked at. */
  readonly state: string;
  readonly faults: readonly Fault[];
}

/**
 * Renews the certificates of clusters after two thirds of their life, whenever a pod or a service has an address that a
 * certificate does not name, and whenever a Secret is gone. The Secrets are written; agents read them again without a
 * restart. The authority itself is never made again here: everybody who trusts the old one would be cut off.
 */
export function createCertificateKeeper(
  services: Pick<Services, 'client' | 'agents' | 'events'>,
  { secrets }: { readonly secrets: Pick<Content['secrets'], 'byIndex'> },
  clock: Clock,
  logger: Logger,
) {
  const checked = new Map<string, Checked>();

  /** Changes whenever the certificates may have to. */
  const stateOf = ({ metadata }: MPDCluster, seen: ClusterSeen): string => {
    const pods = [...seen.instances].map(([id, { pod }]) => `${id}=${pod?.podIP ?? ''}`);
    const addresses = Object.values(seen.endpoints).map(({ host }) => host ?? '');
    const versions = secrets
      .byIndex('cluster', `${metadata.namespace}/${metadata.name}`)
      .map((secret) => `${secret.metadata?.name}=${secret.metadata?.resourceVersion}`)
      .sort();
    return [...pods, ...addresses, ...versions].join(',');
  };

  return {
    /** Answers what is lost. */
    maintain: async (cluster: MPDCluster, seen: ClusterSeen, signal: AbortSignal): Promise<readonly Fault[]> => {
      const uid = cluster.metadata.uid ?? '';
      const state = stateOf(cluster, seen);
      const last = checked.get(uid);
      const every = last && last.faults.length > 0 ? LOST_EVERY_MS : EVERY_MS;
      if (last && last.state === state && clock.monotonic() - last.at < every) return last.faults;
      const faults = await renewDue(cluster, seen, signal);
      checked.set(uid, { at: clock.monotonic(), state, faults });
      return faults;
    },
    forget: (uid: string): void => {
      checked.delete(uid);
    },
  };

  async function renewDue(cluster: MPDCluster, seen: ClusterSeen, signal: AbortSignal): Promise<readonly Fault[]> {
    const { client, events } = services;
    const owner = clusterKey(cluster);
    const existing = await clusterSecrets(client, owner, signal);
    /** The Secret of that name with labels and owner as they should be, also where it is not found by its labels. */
    const mended = async (name: string, make: () => Promise<Secret | undefined>) =>
      await mendObject(
        {
          client,
          resource: Secrets,
          known: existing.get(name),
          wanted: buildSecret(owner, name, {}),
          owner: cluster,
          make,
        },
        signal,
      );

    const { object: kept } = await mended(names.ca(owner.name), async () => undefined);
    const authority = authorityOf(kept);
    if (!authority) {
      const what = `Secret ${names.ca(owner.name)} with the authority of the cluster is ${kept ? 'incomplete' : 'gone'}`;
      return [fault('AuthorityMissing', what)];
    }
    const now = clock.now();
    for (const spec of await leavesOf(cluster, seen, signal)) {
      const issue = async (): Promise<Secret> => await issueLeaf(owner, authority, spec, now);
      const { object: found, done } = await mended(
        spec.secret,
        async () => await client.create(Secrets, await issue(), signal),
      );
      const reason = done === 'made' ? 'missing' : reasonToIssue(spec, found, authority.certPem, now);
      if (!reason || !found || found.metadata?.deletionTimestamp !== undefined) continue;
      if (done !== 'made') {
        await client.replace(Secrets, { ...found, data: (await issue()).data ?? {} }, signal);
      } else {
        const message = `Secret ${spec.secret} was gone: it has a new certificate of the same authority`;
        events.record(cluster, { type: 'Warning', reason: 'CertificateReissued', message });
      }
      logger.info({ certificate: spec.secret, reason }, 'issued a certificate');
      if (spec.commonName === 'operator') services.agents.forget(owner);
    }
    return [];
  }

  async function leavesOf(cluster: MPDCluster, seen: ClusterSeen, signal: AbortSignal): Promise<readonly LeafSpec[]> {
    const owner = clusterKey(cluster);
    const addresses = [...(await serviceAddresses(services.client, owner, signal)).values()];
    const servers = (settledMembership(cluster)?.members ?? []).map((member) => {
      const pod = seen.instances.get(member.instanceId)?.pod?.podIP;
      return serverLeaf(owner, member, { services: addresses, ...(pod && { pod }) });
    });
    return [...servers, ...clientLeaves(owner.name)];
  }
}

import { type MPDCluster, names } from '@polarstack/api';
import type { Clock, Logger } from '@polarstack/base';
import {
  buildSecret,
  type ClusterSeen,
  clientLeaves,
  type Fault,
  type LeafSpec,
  serverLeaf,
  serviceKinds,
  settledMembership,
} from '@polarstack/domain';
import { Secrets } from '@polarstack/kube';
import type { Secret } from 'kubernetes-types/core/v1.js';
import { clusterKey } from '../kube/cluster-status-writer.ts';
import type { Content } from '../mending/content.ts';
import { fault } from '../mending/fault.ts';
import { isAsWanted, mendObject } from '../mending/mend-object.ts';
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
      const faults = isCurrent(cluster, seen) ? [] : await renewDue(cluster, seen, signal);
      checked.set(uid, { at: clock.monotonic(), state, faults });
      return faults;
    },
    forget: (uid: string): void => {
      checked.delete(uid);
    },
  };

  /** Whether nothing is to be done by the copies alone: then the API is asked nothing. */
  function isCurrent(cluster: MPDCluster, seen: ClusterSeen): boolean {
    const owner = clusterKey(cluster);
    const copies = secrets.byIndex('cluster', `${owner.namespace}/${owner.name}`);
    const known = new Map(copies.map((secret) => [secret.metadata?.name ?? '', secret]));
    const isWell = (name: string): boolean => {
      const secret = known.get(name);
      if (!secret || secret.metadata?.deletionTimestamp !== undefined) return false;
      return isAsWanted(secret, buildSecret(owner, name, {}), cluster);
    };
    const authority = authorityOf(known.get(names.ca(owner.name)));
    if (!authority || !isWell(names.ca(owner.name))) return false;
    const addresses = Object.values(seen.endpoints).flatMap(({ host }) => host ?? []);
    // One that has no address yet is none to go by.
    if (addresses.length < serviceKinds.length) return false;
    const now = clock.now();
    return leavesFor(cluster, seen, addresses).every(
      (spec) =>
        isWell(spec.secret) && reasonToIssue(spec, known.get(spec.secret), authority.certPem, now) === undefined,
    );
  }

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
    const found = await serviceAddresses(services.client, clusterKey(cluster), signal);
    return leavesFor(cluster, seen, [...found.values()]);
  }

  function leavesFor(cluster: MPDCluster, seen: ClusterSeen, addresses: readonly string[]): readonly LeafSpec[] {
    const owner = clusterKey(cluster);
    const servers = (settledMembership(cluster)?.members ?? []).map((member) => {
      const pod = seen.instances.get(member.instanceId)?.pod?.podIP;
      return serverLeaf(owner, member, { services: addresses, ...(pod && { pod }) });
    });
    return [...servers, ...clientLeaves(owner.name)];
  }
}

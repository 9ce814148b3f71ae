import { type MPDCluster, names } from '@polarstack/api';
import { withDeadline } from '@polarstack/base';
import { ENGINE_PORT } from '@polarstack/contracts';
import {
  type AgentDirectory,
  type ClusterSeen,
  clusterFacts,
  type EndpointSeen,
  type InstanceSeen,
  type Member,
  recordedMembership,
  type ServiceKind,
  serviceKinds,
} from '@polarstack/domain';
import type { Informer } from '@polarstack/kube';
import type { Pod, Service } from 'kubernetes-types/core/v1.js';
import type { EndpointSlice } from 'kubernetes-types/discovery/v1.js';
import type { Catalog } from '../kube/catalog.ts';
import { podSeen } from './pod-seen.ts';

/** One agent that does not answer must not hold up what is said about the others. */
const STATUS_TIMEOUT_MS = 2_000;

export interface Sources {
  readonly pods: Pick<Informer<Pod>, 'get'>;
  readonly services: Pick<Informer<Service>, 'get'>;
  readonly slices: Pick<Informer<EndpointSlice, 'service'>, 'byIndex'>;
  readonly agents: AgentDirectory;
  readonly catalog: Pick<Catalog, 'clientIP'>;
}

export interface Observer {
  /** Asks all agents of a cluster now. What an agent last said stays known while it does not answer. */
  readonly observe: (cluster: MPDCluster, signal: AbortSignal) => Promise<ClusterSeen>;
  /** Whether an agent of the cluster did not answer when it was last asked. */
  readonly isSilent: (cluster: MPDCluster) => boolean;
  /** Drops what is known of a cluster. */
  readonly forget: (cluster: MPDCluster) => void;
}

/** Looks at clusters: pods, services and endpoints from the informers, engines from their agents. */
export function createObserver({ pods, services, slices, agents, catalog }: Sources): Observer {
  const known = new Map<string, ReadonlyMap<string, InstanceSeen>>();

  const lookAt = async (
    cluster: MPDCluster,
    member: Member,
    before: InstanceSeen | undefined,
    signal: AbortSignal,
  ): Promise<InstanceSeen> => {
    const { namespace, name, ports } = clusterFacts(cluster);
    const pod = pods.get(`${namespace}/${member.pod}`);
    if (!pod) return { unanswered: (before?.unanswered ?? 0) + 1 };
    const seen = podSeen(pod);
    const clientIP = seen.nodeName && catalog.clientIP(seen.nodeName);
    const common = { pod: seen, ...(clientIP && { clientIP }) };
    if (!seen.podIP) return { ...common, unanswered: (before?.unanswered ?? 0) + 1 };
    try {
      const address = { host: seen.podIP, port: ports.agentPort, serverName: member.pod };
      const agent = agents.agent({ namespace, name }, address);
      const report = await withDeadline(STATUS_TIMEOUT_MS, signal, async (limited) => await agent.status(limited));
      return { ...common, report, unanswered: 0 };
    } catch {
      signal.throwIfAborted();
      // Whatever is wrong with the agent, it did not answer: that is what is seen, and shown in the status.
      return {
        ...common,
        ...(before?.report && { report: before.report }),
        unanswered: (before?.unanswered ?? 0) + 1,
      };
    }
  };

  const endpoint = (cluster: MPDCluster, which: ServiceKind): EndpointSeen => {
    const service = names.service(cluster.metadata.name ?? '', which);
    const namespace = cluster.metadata.namespace ?? 'default';
    const host = services.get(`${namespace}/${service}`)?.spec?.clusterIP;
    const addresses = slices
      .byIndex('service', `${namespace}/${service}`)
      .flatMap((slice) => slice.endpoints ?? [])
      .filter(({ conditions }) => conditions?.ready !== false)
      .flatMap((each) => each.addresses);
    return { ...(host && host !== 'None' && { host }), port: ENGINE_PORT, service, ready: new Set(addresses).size };
  };

  return {
    observe: async (cluster, signal) => {
      const uid = cluster.metadata.uid ?? '';
      const before = known.get(uid);
      const members = recordedMembership(cluster)?.members ?? [];
      const looked = await Promise.all(
        members.map(
          async (member) =>
            [member.instanceId, await lookAt(cluster, member, before?.get(member.instanceId), signal)] as const,
        ),
      );
      const instances = new Map(looked);
      known.set(uid, instances);
      const [rw, ro, r] = serviceKinds.map((kind) => endpoint(cluster, kind)) as [
        EndpointSeen,
        EndpointSeen,
        EndpointSeen,
      ];
      return { instances, endpoints: { rw, ro, r } };
    },
    isSilent: ({ metadata }) => {
      for (const { unanswered } of known.get(metadata.uid ?? '')?.values() ?? []) if (unanswered > 0) return true;
      return false;
    },
    forget: ({ metadata }) => {
      known.delete(metadata.uid ?? '');
    },
  };
}

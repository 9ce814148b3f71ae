import { annotations, labels, names, primarySelector, roleLabels } from '@polarstack/api';
import { isStackError, StackError } from '@polarstack/base';
import { AGENT_PORT_NAME, ENGINE_PORT_NAME, type PulseSource, slotName } from '@polarstack/contracts';
import type { HaRecord, SwitchPorts } from '@polarstack/ha';
import { type Informer, type KubeClient, type ObjectKey, Pods, Services } from '@polarstack/kube';
import type { Pod } from 'kubernetes-types/core/v1.js';
import type { ClusterAgents } from './agents.ts';

export interface PortsOptions {
  readonly client: Pick<KubeClient, 'get' | 'patch'>;
  readonly pods: Pick<Informer<Pod>, 'get'>;
  readonly cluster: Required<ObjectKey>;
  readonly agents: ClusterAgents;
  /** The members as the record has them now. */
  readonly members: () => HaRecord['members'];
}

export interface ClusterPorts extends SwitchPorts {
  /** The pulses of a member's agent. */
  readonly pulsesOf: (instanceId: string) => PulseSource;
}

/** The world of one cluster, as its switch needs it. */
export function createPorts({ client, pods, cluster, agents, members }: PortsOptions): ClusterPorts {
  const { namespace, name } = cluster;

  const podOf = (instanceId: string): Pod | undefined => {
    const member = members()[instanceId];
    return member && pods.get(`${namespace}/${member.pod}`);
  };
  const addressOf = (instanceId: string, portName: string) => {
    const pod = podOf(instanceId);
    const host = pod?.status?.podIP;
    const port = pod?.spec?.containers.flatMap(({ ports = [] }) => ports).find((one) => one.name === portName);
    const serverName = pod?.metadata?.name;
    if (!host || !port || !serverName)
      throw new StackError('AgentUnreachable', `instance ${instanceId} has no pod with an address`);
    return { host, port: port.containerPort, serverName };
  };

  const agent = (instanceId: string): ReturnType<ClusterAgents['agent']> =>
    agents.agent(() => addressOf(instanceId, AGENT_PORT_NAME));

  return {
    agent,
    pulsesOf: agent,
    upstream: (primary, member) => ({
      instanceId: primary,
      ...addressOf(primary, ENGINE_PORT_NAME),
      slot: slotName(member),
    }),
    route: async ({ instanceId, epoch }, signal) => {
      const key = { namespace, name: names.service(name, 'rw') };
      const { metadata, spec } = await client.get(Services, key, signal);
      const before = Number(metadata?.annotations?.[annotations.epoch] ?? 0);
      if (before > epoch) throw new StackError('StaleEpoch', `${key.name} leads to the primary of epoch ${before}`);
      const wanted = primarySelector(name, instanceId);
      const others = Object.keys(spec?.selector ?? {}).filter((label) => !Object.hasOwn(wanted, label));
      if (before === epoch && others.length === 0 && spec?.selector?.[labels.instanceId] === instanceId) return;
      const body = {
        metadata: {
          resourceVersion: metadata?.resourceVersion,
          annotations: { [annotations.epoch]: String(epoch) },
        },
        spec: { selector: { ...Object.fromEntries(others.map((label) => [label, null])), ...wanted } },
      };
      await client.patch(Services, key, { type: 'merge', body }, signal);
    },
    label: async (roles, signal) => {
      await Promise.all(
        [...roles].map(async ([instanceId, role]) => {
          const { metadata } = podOf(instanceId) ?? {};
          const wanted = roleLabels(role);
          const differs = Object.entries(wanted).some(([label, value]) => metadata?.labels?.[label] !== value);
          if (!metadata?.name || !differs) return;
          const key = { namespace, name: metadata.name };
          try {
            await client.patch(Pods, key, { type: 'merge', body: { metadata: { labels: wanted } } }, signal);
          } catch (error) {
            // A pod that is made again gets its labels from whoever makes it.
            if (!isStackError(error, 'NotFound')) throw error;
          }
        }),
      );
    },
  };
}

/**
 * Keeps the objects that stand for a node: the Node, its lease and the ConfigMap of its used ports.
 *
 * Invariants (tests cite them):
 * N1. Where nothing changes nothing is written but the leases, and of those at most one in ten seconds.
 * N2. A node is shown as lost only when `isDown` says that none of its processes is left.
 */
import { SYSTEM_NAMESPACE } from '@polarstack/api';
import { type Clock, isStackError, type Logger } from '@polarstack/base';
import { ConfigMaps, type KubeClient, kubeTime, Leases, microTime, Namespaces, Nodes } from '@polarstack/kube';
import type { Lease } from 'kubernetes-types/coordination/v1.js';
import type { ConfigMap, Namespace, Node, Pod } from 'kubernetes-types/core/v1.js';
import { sameJson } from '../same-json.ts';
import type { ImageSpec, NodeSpec } from '../types.ts';
import { hostPorts } from './choose-node.ts';
import { parseListeners, socketTables } from './listening-ports.ts';
import { type MachineFacts, nodeStatus } from './node-status.ts';
import { HOSTNAME_LABEL } from './volumes.ts';

const LEASE_NAMESPACE = 'kube-node-lease';
const LEASE_SECONDS = 120;
/** All nodes together renew one lease in this time. */
const RENEW_MS = 12_000;
/** How often used ports are looked for. */
const PORTS_MS = 2000;
/** How often what was published is compared with the API, though nothing changed: somebody may have removed it. */
const COMPARE_ROUNDS = 30;
/** The original's fixed value for each used port. */
const PORT_USED = 'the port already use';

export interface NodeKeeperOptions {
  readonly client: KubeClient;
  readonly nodes: readonly NodeSpec[];
  readonly images: readonly ImageSpec[];
  readonly machine: MachineFacts;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Pods bound to a node. */
  readonly podsOf: (node: string) => readonly Pod[];
}

export interface NodeKeeper {
  /** Makes or corrects the Node object; answers it. */
  register(spec: NodeSpec, powered: (node: Node) => boolean, signal: AbortSignal): Promise<Node>;
  /** Brings a node's status up to date. */
  publish(spec: NodeSpec, powered: boolean, signal: AbortSignal): Promise<void>;
  /** Renews leases and publishes used ports until the signal aborts; never rejects. */
  run(isPowered: (node: string) => boolean, signal: AbortSignal): Promise<void>;
}

export function createNodeKeeper(options: NodeKeeperOptions): NodeKeeper {
  const { client, nodes, images, machine, clock, logger } = options;
  /** Used ports as they were last published. */
  const published = new Map<string, string>();

  async function ensure(work: () => Promise<unknown>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (!isStackError(error, 'AlreadyExists')) throw error;
    }
  }

  async function publish(spec: NodeSpec, powered: boolean, signal: AbortSignal): Promise<void> {
    for (let attempt = 0; attempt < 10; attempt++) {
      const current = await client.get(Nodes, { name: spec.name }, signal);
      const now = kubeTime(clock.now());
      const status = nodeStatus({ spec, current, images, machine, powered, now });
      if (sameJson(status, current.status)) return;
      try {
        await client.replaceStatus(Nodes, { ...current, status }, signal);
        return;
      } catch (error) {
        if (!isStackError(error, 'Conflict')) throw error;
      }
    }
  }

  async function register(spec: NodeSpec, powered: (node: Node) => boolean, signal: AbortSignal): Promise<Node> {
    const labels = {
      [HOSTNAME_LABEL]: spec.name,
      'kubernetes.io/os': 'linux',
      'kubernetes.io/arch': machine.architecture,
      'node.kubernetes.io/node': '',
    };
    await ensure(() =>
      client.create(Nodes, { apiVersion: 'v1', kind: 'Node', metadata: { name: spec.name, labels }, spec: {} }, signal),
    );
    let node = await client.get(Nodes, { name: spec.name }, signal);
    if (Object.entries(labels).some(([key, value]) => node.metadata?.labels?.[key] !== value)) {
      node = await client.patch(Nodes, { name: spec.name }, { type: 'merge', body: { metadata: { labels } } }, signal);
    }
    await publish(spec, powered(node), signal);
    return node;
  }

  async function renew(name: string, signal: AbortSignal): Promise<void> {
    const renewTime = microTime(clock.now());
    const key = { namespace: LEASE_NAMESPACE, name };
    try {
      await client.patch(Leases, key, { type: 'merge', body: { spec: { renewTime } } }, signal);
    } catch (error) {
      if (!isStackError(error, 'NotFound')) throw error;
      const namespace: Namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: LEASE_NAMESPACE } };
      await ensure(() => client.create(Namespaces, namespace, signal));
      const spec = { holderIdentity: name, leaseDurationSeconds: LEASE_SECONDS, renewTime };
      const lease: Lease = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: key, spec };
      await ensure(() => client.create(Leases, lease, signal));
    }
  }

  async function publishPorts(
    spec: NodeSpec,
    tables: readonly string[],
    compare: boolean,
    signal: AbortSignal,
  ): Promise<void> {
    const listening = tables.flatMap((table) => parseListeners(table, spec.address));
    const used = [...options.podsOf(spec.name).flatMap(hostPorts), ...listening];
    const data = Object.fromEntries([...new Set(used)].sort((a, b) => a - b).map((port) => [String(port), PORT_USED]));
    if (!compare && published.get(spec.name) === JSON.stringify(data)) return;
    const key = { namespace: SYSTEM_NAMESPACE, name: `cloud-provider-port-usage-${spec.name}` };
    const annotations = { updateTimestamp: kubeTime(clock.now()) };
    const current = await client.find(ConfigMaps, key, signal);
    if (!current) {
      const map: ConfigMap = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { ...key, annotations }, data };
      await ensure(() => client.create(ConfigMaps, map, signal));
    } else if (!sameJson(current.data ?? {}, data)) {
      await client.replace(ConfigMaps, { ...current, data, metadata: { ...current.metadata, annotations } }, signal);
    }
    published.set(spec.name, JSON.stringify(data));
  }

  async function every(ms: number, what: string, work: (round: number) => Promise<void>, signal: AbortSignal) {
    for (let round = 0; !signal.aborted; round++) {
      try {
        await work(round);
      } catch (error) {
        if (!signal.aborted) logger.warn({ err: error }, `${what} failed`);
      }
      await clock.sleep(ms, signal).catch(() => undefined);
    }
  }

  return {
    publish,
    register,
    async run(isPowered, signal) {
      const renewNext = async (round: number): Promise<void> => {
        // All at once at the start, so that there is one; then in turn.
        const due = round === 0 ? nodes : nodes.slice(round % nodes.length).slice(0, 1);
        for (const { name } of due) if (isPowered(name)) await renew(name, signal);
      };
      const publishAll = async (round: number): Promise<void> => {
        const compare = round % COMPARE_ROUNDS === 0;
        const tables = await socketTables();
        for (const spec of nodes) if (isPowered(spec.name)) await publishPorts(spec, tables, compare, signal);
      };
      await Promise.all([
        every(RENEW_MS, 'renewing a node lease', renewNext, signal),
        every(PORTS_MS, 'publishing used ports', publishAll, signal),
      ]);
    },
  };
}

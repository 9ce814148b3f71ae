/**
 * Nodes and agents of many clusters of one instance: a pod runs as soon as it is there, and is ready as soon as its engine
 * is told to be. Usage: fleet-child <kubeconfig>, with a channel to the measuring process ({@link FleetWord}).
 */
import { labels } from '@polarstack/api';
import { AGENT_PORT } from '@polarstack/contracts';
import {
  createInformer,
  createKubeClient,
  EndpointSlices,
  loadKubeconfig,
  Pods,
  Secrets,
  Services,
} from '@polarstack/kube';
import type { Pod } from 'kubernetes-types/core/v1.js';
import { createAgentListener } from './agent-listener.ts';
import type { FleetOrder, FleetWord } from './fleet-words.ts';
import { now } from './now.ts';
import { createSimulatedAgent, type SimulatedAgent } from './simulated-agent.ts';

const client = createKubeClient(await loadKubeconfig(process.argv[2] ?? ''));
const { signal } = new AbortController();
const say = (word: FleetWord): void => void process.send?.(word);
const stuck = new Set<string>();
const clusterOf = new Map<string, string>();
const called = new Set<string>();
let calls = 0;

interface Instance {
  readonly agent: SimulatedAgent;
  readonly address: string;
  /** One write after the other. */
  work: Promise<void>;
}
const instances = new Map<string, Instance>();

const listener = createAgentListener({
  isStuck: (pod) => stuck.has(clusterOf.get(pod) ?? ''),
  onRequest: (pod) => {
    calls++;
    if (called.has(pod)) return;
    called.add(pod);
    if (called.size === instances.size) say({ type: 'all-called', at: now() });
  },
});

const pods = createInformer({ client, resource: Pods, labelSelector: labels.clusterName });
const services = createInformer({ client, resource: Services, labelSelector: labels.cluster });
const fail = (error: unknown): void => {
  process.stderr.write(`the simulated nodes failed: ${String(error)}\n`);
  process.exit(1);
};

/** Every address of 127.64.0.0/10 is this machine's. */
const addressOf = (i: number): string =>
  `127.${64 + Math.floor(i / 62_500)}.${Math.floor(i / 250) % 250}.${1 + (i % 250)}`;

async function begin({ metadata }: Pod): Promise<void> {
  const { name = '', namespace = 'default' } = metadata ?? {};
  const cluster = metadata?.labels?.[labels.clusterName] ?? '';
  clusterOf.set(name, cluster);
  const poke = (): void => {
    const instance = instances.get(name);
    if (instance) instance.work = instance.work.then(async () => await show(namespace, name, instance)).catch(fail);
  };
  const agent = createSimulatedAgent(name, poke, () => say({ type: 'checked', cluster, at: now() }));
  const instance: Instance = { agent, address: addressOf(instances.size), work: Promise.resolve() };
  instances.set(name, instance);
  const tls = await client.get(Secrets, { namespace, name: `${name}-tls` });
  await listener.add(name, instance.address, AGENT_PORT, tls, agent.api);
  poke();
}

async function show(namespace: string, name: string, { agent, address }: Instance): Promise<void> {
  const ready = agent.isRunning();
  const conditions = [
    { type: 'PodScheduled', status: 'True' },
    { type: 'Ready', status: ready ? 'True' : 'False' },
  ];
  const body = { status: { phase: 'Running', podIP: address, conditions } };
  await client.patchStatus(Pods, { namespace, name }, { type: 'merge', body });
  if (!ready) return;
  for (const kind of ['rw', 'r']) {
    const service = services.get(`${namespace}/${clusterOf.get(name)}-${kind}`)?.metadata;
    if (!service) continue;
    const { name: of = '', uid = '' } = service;
    await client.create(EndpointSlices, {
      metadata: {
        name: of,
        namespace,
        labels: { 'kubernetes.io/service-name': of },
        ownerReferences: [{ apiVersion: 'v1', kind: 'Service', name: of, uid }],
      },
      addressType: 'IPv4',
      endpoints: [{ addresses: [address], conditions: { ready: true } }],
    });
  }
}

pods.onChange(({ type, object }) => {
  if (type === 'ADDED') void begin(object).catch(fail);
});
process.on('message', (order: FleetOrder) => {
  switch (order.type) {
    case 'stuck':
      stuck.clear();
      for (const cluster of order.clusters) stuck.add(cluster);
      break;
    case 'forget-calls':
      called.clear();
      break;
    case 'count':
      say({ type: 'counted', calls });
      break;
  }
});
process.once('disconnect', () => process.exit());
void Promise.all([pods.start(signal), services.start(signal)]).catch(fail);
await Promise.all([pods.synced, services.synced]);
say({ type: 'running' });

/**
 * Where a pod goes. Pure: the same input gives the same node.
 *
 * Invariants (tests cite them):
 * S1. A node that is off, not ready or cordoned gets nothing.
 * S2. A pod whose volume lies on a node goes there or nowhere.
 * S3. Required anti-affinity holds in both directions: of the new pod against those there, and of those against it.
 * S4. No two pods of a node claim the same host port.
 */
import type { Affinity, Node, NodeSelectorTerm, Pod, PodAffinityTerm } from 'kubernetes-types/core/v1.js';
import { hasLabels, meets, selects } from './label-selector.ts';
import { isPoweredOn, isReady } from './node-power.ts';

export interface Placement {
  readonly pod: Pod;
  readonly nodes: readonly Node[];
  /** Pods that are bound to a node and have not ended; those under deletion count until they are gone. */
  readonly bound: readonly Pod[];
  /** For each volume of the pod that lies somewhere: the terms a node must meet. */
  readonly pins: readonly (readonly NodeSelectorTerm[])[];
}

export type Choice =
  | { readonly node: string }
  | { readonly node: undefined; readonly reason: 'Unschedulable'; readonly message: string };

const labelsOf = (object: Pod | Node): Readonly<Record<string, string>> => object.metadata?.labels ?? {};
const nameOf = (node: Node): string => node.metadata?.name ?? '';

export function meetsTerms(node: Node, terms: readonly NodeSelectorTerm[]): boolean {
  return terms.some(
    (term) =>
      (term.matchExpressions?.length ?? 0) + (term.matchFields?.length ?? 0) > 0 &&
      (term.matchExpressions ?? []).every((requirement) => meets(labelsOf(node), requirement)) &&
      (term.matchFields ?? []).every((requirement) => meets({ 'metadata.name': nameOf(node) }, requirement)),
  );
}

/** The ports that a pod takes of its node's address; with host network all of its containers' ports. */
export function hostPorts(pod: Pod): readonly number[] {
  const ports = (pod.spec?.containers ?? []).flatMap((container) => container.ports ?? []);
  return ports.flatMap(({ hostPort, containerPort }) => {
    const port = hostPort ?? (pod.spec?.hostNetwork ? containerPort : 0);
    return port > 0 ? [port] : [];
  });
}

function applies(term: PodAffinityTerm, owner: Pod, other: Pod): boolean {
  const namespaces = term.namespaces?.length ? term.namespaces : [owner.metadata?.namespace ?? ''];
  const inNamespace = term.namespaceSelector !== undefined || namespaces.includes(other.metadata?.namespace ?? '');
  return inNamespace && selects(term.labelSelector, labelsOf(other));
}

const required = (affinity: Affinity | undefined, kind: 'podAffinity' | 'podAntiAffinity') =>
  affinity?.[kind]?.requiredDuringSchedulingIgnoredDuringExecution ?? [];

function createDomains({ nodes, bound }: Placement) {
  const byName = new Map(nodes.map((node) => [nameOf(node), node]));
  /** Bound pods in the same topology domain as `node`. */
  return (node: Node, topologyKey: string): readonly Pod[] => {
    const domain = labelsOf(node)[topologyKey];
    if (domain === undefined) return [];
    return bound.filter((pod) => {
      const other = byName.get(pod.spec?.nodeName ?? '');
      return other !== undefined && labelsOf(other)[topologyKey] === domain;
    });
  };
}

/** Why a node cannot take the pod; undefined where it can. */
function obstacle(node: Node, placement: Placement, domain: ReturnType<typeof createDomains>): string | undefined {
  const { pod, bound, pins } = placement;
  const { spec } = pod;
  if (!isPoweredOn(node)) return 'were switched off';
  if (!isReady(node)) return 'were not ready';
  if (node.spec?.unschedulable) return 'were unschedulable';
  if (!pins.every((terms) => meetsTerms(node, terms))) return 'had volume node affinity conflict';
  const terms = spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms;
  if (!hasLabels(spec?.nodeSelector ?? {}, labelsOf(node)) || (terms && !meetsTerms(node, terms))) {
    return "didn't match Pod's node affinity/selector";
  }
  const taken = new Set(bound.filter((other) => other.spec?.nodeName === nameOf(node)).flatMap(hostPorts));
  if (hostPorts(pod).some((port) => taken.has(port))) return "didn't have free ports for the requested pod ports";
  const anti = required(spec?.affinity, 'podAntiAffinity');
  if (anti.some((term) => domain(node, term.topologyKey).some((other) => applies(term, pod, other)))) {
    return "didn't match pod anti-affinity rules";
  }
  const against = bound.some((other) =>
    required(other.spec?.affinity, 'podAntiAffinity').some(
      (term) => applies(term, other, pod) && domain(node, term.topologyKey).includes(other),
    ),
  );
  if (against) return "didn't satisfy existing pods anti-affinity rules";
  const unmet = required(spec?.affinity, 'podAffinity').some((term) => {
    if (domain(node, term.topologyKey).some((other) => applies(term, pod, other))) return false;
    // The first pod of a group that wants to be together may go anywhere.
    return !(applies(term, pod, pod) && !bound.some((other) => applies(term, pod, other)));
  });
  return unmet ? "didn't match pod affinity rules" : undefined;
}

/** Wishes that a node would disregard, by weight. */
function regret(node: Node, { pod }: Placement, domain: ReturnType<typeof createDomains>): number {
  const apart = pod.spec?.affinity?.podAntiAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? [];
  const places = pod.spec?.affinity?.nodeAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? [];
  let sum = 0;
  for (const { weight, podAffinityTerm } of apart) {
    const near = domain(node, podAffinityTerm.topologyKey).filter((other) => applies(podAffinityTerm, pod, other));
    sum += weight * near.length;
  }
  for (const { weight, preference } of places) if (!meetsTerms(node, [preference])) sum += weight;
  return sum;
}

/** The node with the fewest disregarded wishes, then the fewest pods, then the first name. */
export function chooseNode(placement: Placement): Choice {
  const domain = createDomains(placement);
  const obstacles = new Map<string, number>();
  const fitting: { readonly name: string; readonly regret: number; readonly load: number }[] = [];
  for (const node of placement.nodes) {
    const why = obstacle(node, placement, domain);
    if (why !== undefined) {
      obstacles.set(why, (obstacles.get(why) ?? 0) + 1);
      continue;
    }
    const name = nameOf(node);
    const load = placement.bound.filter((other) => other.spec?.nodeName === name).length;
    fitting.push({ name, load, regret: regret(node, placement, domain) });
  }
  fitting.sort((a, b) => a.regret - b.regret || a.load - b.load || (a.name < b.name ? -1 : 1));
  const [best] = fitting;
  if (best) return { node: best.name };
  const reasons = [...obstacles].map(([why, count]) => `${count} node(s) ${why}`).sort();
  const message = `0/${placement.nodes.length} nodes are available: ${reasons.join(', ') || 'there are none'}.`;
  return { node: undefined, reason: 'Unschedulable', message };
}

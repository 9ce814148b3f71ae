import { isStackError } from '@polarstack/base';
import type { KubeClient } from '@polarstack/kube';
import type { Node, Pod } from 'kubernetes-types/core/v1.js';
import { type Colors, stateCell } from '../output/colors.ts';
import { renderTable } from '../output/table.ts';

/** The annotation by which a node of a local home is switched off (`off`) and on (`on`, or absent). */
export const POWER_ANNOTATION = 'polarstack.io/power';

export interface NodeView {
  readonly name: string;
  readonly status: 'Ready' | 'NotReady';
  readonly power: 'on' | 'off';
  readonly address: string;
  readonly images: readonly string[];
  /** Names of the pods that run there, with their namespace. */
  readonly pods: readonly string[];
}

export function isReady(node: Node): boolean {
  return node.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') === true;
}

/** Names of the nodes that are not ready; none where the caller may not read nodes. */
export async function nodesDown(client: Pick<KubeClient, 'list'>, signal: AbortSignal): Promise<ReadonlySet<string>> {
  try {
    const { Nodes } = await import('@polarstack/kube');
    const { items } = await client.list(Nodes, {}, signal);
    return new Set(items.filter((node) => !isReady(node)).flatMap(({ metadata }) => metadata?.name ?? []));
  } catch (error) {
    // A user of one namespace sees what is written about the pods.
    if (isStackError(error, 'Forbidden')) return new Set();
    throw error;
  }
}

export function nodeView(node: Node, pods: readonly Pod[]): NodeView {
  const name = node.metadata?.name ?? '';
  const here = pods.filter(({ spec, status }) => spec?.nodeName === name && status?.phase === 'Running');
  return {
    name,
    status: isReady(node) ? 'Ready' : 'NotReady',
    power: node.metadata?.annotations?.[POWER_ANNOTATION] === 'off' ? 'off' : 'on',
    address: node.status?.addresses?.find(({ type }) => type === 'InternalIP')?.address ?? '',
    images: (node.status?.images ?? []).flatMap(({ names }) => names ?? []),
    pods: here.map(({ metadata }) => `${metadata?.namespace}/${metadata?.name}`).sort(),
  };
}

export function renderNodes(nodes: readonly NodeView[], colors: Colors): string {
  return renderTable(
    ['NODE', 'STATUS', 'POWER', 'ADDRESS', 'PODS'],
    nodes.map(({ name, status, power, address, pods }) => [
      name,
      stateCell(colors, status),
      stateCell(colors, power),
      address || '-',
      String(pods.length),
    ]),
  );
}

import type { Node } from 'kubernetes-types/core/v1.js';

/** Annotation by which a node's plug is pulled (`off`) and put back (`on`, or absent). */
export const POWER_ANNOTATION = 'polarstack.io/power';

export function isPoweredOn(node: Node | undefined): boolean {
  return node?.metadata?.annotations?.[POWER_ANNOTATION] !== 'off';
}

export function isReady(node: Node): boolean {
  return node.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ?? false;
}

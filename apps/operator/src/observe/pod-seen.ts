import type { PodSeen } from '@polarstack/domain';
import type { Pod } from 'kubernetes-types/core/v1.js';

/** What is known of a pod, in the words of the domain. */
export function podSeen(pod: Pod): PodSeen {
  const { status, spec, metadata } = pod;
  const trouble = podTrouble(pod);
  return {
    ...(metadata?.uid && { uid: metadata.uid }),
    phase: status?.phase ?? 'Pending',
    ready: isReady(pod),
    deleting: metadata?.deletionTimestamp !== undefined,
    ...(status?.podIP && { podIP: status.podIP }),
    ...(spec?.nodeName && { nodeName: spec.nodeName }),
    ...(trouble && { trouble: trouble.text }),
  };
}

export const isReady = ({ status }: Pod): boolean =>
  status?.conditions?.some(({ type, status: value }) => type === 'Ready' && value === 'True') ?? false;

/** Reasons of a waiting container that do not pass by themselves in a moment. */
const ordinary = new Set(['ContainerCreating', 'PodInitializing']);

/** Why a pod does not run, as scheduler or runtime say; undefined where nothing is known to be wrong. */
export function podTrouble({
  status,
}: Pod): { readonly kind: 'unscheduled' | 'container'; readonly text: string } | undefined {
  const scheduled = status?.conditions?.find(({ type }) => type === 'PodScheduled');
  if (scheduled?.status === 'False') {
    return { kind: 'unscheduled', text: scheduled.message ?? scheduled.reason ?? 'it cannot be placed on a node' };
  }
  for (const { state } of status?.containerStatuses ?? []) {
    const { waiting } = state ?? {};
    if (waiting?.reason && !ordinary.has(waiting.reason)) {
      return { kind: 'container', text: `${waiting.reason}${waiting.message ? `: ${waiting.message}` : ''}` };
    }
  }
  return undefined;
}

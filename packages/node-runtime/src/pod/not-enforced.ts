import type { Pod, SecurityContext } from 'kubernetes-types/core/v1.js';
import { allContainers } from './mounts.ts';

/**
 * What the pod's spec asks for and processes of this machine do not get; undefined where it asks for nothing such.
 * It is shown as a condition of the pod, never dropped silently.
 */
export function notEnforced(pod: Pod, runtime: { readonly uid: number }): string | undefined {
  const unmet: string[] = [];
  const checkUser = (who: string, context: Pick<SecurityContext, 'runAsUser'> | undefined): void => {
    if (context?.runAsUser !== undefined && context.runAsUser !== runtime.uid) {
      unmet.push(`${who} runs as uid ${runtime.uid}, not ${context.runAsUser}`);
    }
  };
  checkUser('the pod', pod.spec?.securityContext);
  for (const container of allContainers(pod)) {
    const limits = Object.entries(container.resources?.limits ?? {}).map(([kind, value]) => `${kind}=${value}`);
    if (limits.length > 0) unmet.push(`limits of container ${container.name} (${limits.join(', ')}) are not applied`);
    checkUser(`container ${container.name}`, container.securityContext);
  }
  return unmet.length > 0 ? unmet.join('; ') : undefined;
}

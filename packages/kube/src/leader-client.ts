import { StackError } from '@polarstack/base';
import type { KubeClient } from './client.ts';
import type { KubeHttpClient } from './create-client.ts';

const writes = ['create', 'replace', 'replaceStatus', 'patch', 'patchStatus', 'delete', 'apply'] as const;

/**
 * A client whose writes are refused with `NotLeader` as soon as this process leads no more, also when it was paused in
 * the middle of something and does not know yet. What was sent before the pause is not called back: such writes carry
 * a resource version.
 */
export function leaderClient<C extends KubeClient & Partial<Pick<KubeHttpClient, 'apply'>>>(
  client: C,
  isLeader: () => boolean,
): C {
  const guarded: Partial<Record<(typeof writes)[number], unknown>> = {};
  for (const name of writes) {
    const write = client[name]?.bind(client) as ((...parameters: readonly unknown[]) => Promise<unknown>) | undefined;
    if (!write) continue;
    guarded[name] = async (...parameters: readonly unknown[]) => {
      if (!isLeader()) throw new StackError('NotLeader', `${name} is for the leader, and this process does not lead`);
      return await write(...parameters);
    };
  }
  return { ...client, ...guarded };
}

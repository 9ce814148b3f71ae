import { StackError } from '@polarstack/base';
import type { KubeClient } from './client.ts';
import type { KubeHttpClient } from './create-client.ts';

const writes = ['create', 'replace', 'replaceStatus', 'patch', 'patchStatus', 'delete', 'apply'] as const;

/**
 * A client whose writes are refused with `NotLeader` as soon as this process leads no more, also when it was paused in
 * the middle of something and does not know yet: it asks when the write is asked for, and once more at the moment of
 * sending, when the connection stands. What was sent before the pause is not called back: such writes carry a resource
 * version.
 */
export function leaderClient<C extends KubeClient & Partial<Pick<KubeHttpClient, 'apply' | 'withWriteGuard'>>>(
  client: C,
  isLeader: () => boolean,
): C {
  const check = (what: string): void => {
    if (!isLeader()) throw new StackError('NotLeader', `${what} is for the leader, and this process does not lead`);
  };
  const inner: KubeClient & Partial<Pick<KubeHttpClient, 'apply'>> =
    client.withWriteGuard?.(() => check('a write')) ?? client;
  const guarded: Partial<Record<(typeof writes)[number], unknown>> = {};
  for (const name of writes) {
    const write = inner[name]?.bind(inner) as ((...parameters: readonly unknown[]) => Promise<unknown>) | undefined;
    if (!write) continue;
    guarded[name] = async (...parameters: readonly unknown[]) => {
      check(name);
      return await write(...parameters);
    };
  }
  return { ...client, ...inner, ...guarded };
}

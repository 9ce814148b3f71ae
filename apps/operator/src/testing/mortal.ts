import { StackError } from '@polarstack/base';
import type { AgentDirectory } from '@polarstack/domain';
import type { KubeClient } from '@polarstack/kube';

/** When a process dies: at its effect number `at` (from 0), before that takes effect or after it did. */
export interface Death {
  readonly at: number;
  readonly when: 'before' | 'after';
}

const kubeWrites = ['create', 'replace', 'replaceStatus', 'patch', 'patchStatus', 'delete'] as const;
const agentWrites = ['bootstrap', 'setTerm', 'start', 'stop', 'writeCanary', 'setConfig'] as const;

/** What a process that dies at one moment sees of the world: from then on nothing of what it does arrives. */
export function createMortal(kube: KubeClient, agents: AgentDirectory, death: Death | undefined) {
  let markDead = (): void => {};
  const died = new Promise<void>((resolve) => {
    markDead = resolve;
  });
  let effects = 0;
  let dead = false;
  const last: string[] = [];

  const check = (): void => {
    if (dead) throw new StackError('ApiUnreachable', 'this process is dead');
  };
  const die = (): void => {
    dead = true;
    markDead();
  };

  const effect = async <T>(what: string, work: () => Promise<T>): Promise<T> => {
    check();
    const mine = effects++ === death?.at;
    if (mine) last.push(what);
    if (mine && death?.when === 'before') die();
    check();
    const result = await work();
    if (mine) die();
    check();
    return result;
  };

  const read = async (call: () => unknown): Promise<unknown> => {
    check();
    return await call();
  };

  const wrap = <T extends object>(target: T, writes: readonly string[], label: string): T =>
    new Proxy(target, {
      get: (object, name) => {
        const member: unknown = Reflect.get(object, name);
        if (typeof member !== 'function') return member;
        return (...args: readonly unknown[]): unknown => {
          const call = (): unknown => Reflect.apply(member, object, args);
          if (name === 'watch') return call();
          const [resource] = args as readonly { readonly plural?: string }[];
          // Events come when they come: they would make the numbers of the other effects differ from run to run.
          const counted = writes.includes(String(name)) && resource?.plural !== 'events';
          const what = `${label} ${String(name)} ${resource?.plural ?? ''}`.trim();
          return counted ? effect(what, async () => await call()) : read(call);
        };
      },
    });

  return {
    client: wrap(kube, kubeWrites, 'kube'),
    agents: {
      agent: (cluster, address) => wrap(agents.agent(cluster, address), agentWrites, `agent ${address.serverName}`),
      forget: () => {},
    } satisfies AgentDirectory,
    /** Resolves when the process has died. */
    died,
    effects: () => effects,
    /** What it died at. */
    lastWords: () => last.join(),
  };
}

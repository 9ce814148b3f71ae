import { type Clock, withDeadline } from '@polarstack/base';
import type { ClusterLook, MemberLook } from '../switch/look.ts';
import type { SwitchPorts } from './ports.ts';

export interface EffectContext {
  readonly ports: SwitchPorts;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** One member that does not answer must not hold up the others; in milliseconds. */
const LOOK_MS = 2_000;

/** Asks one agent. Throws only when the signal aborts. */
export async function lookAtOne(id: string, { ports, signal }: EffectContext): Promise<MemberLook> {
  try {
    return { status: await withDeadline(LOOK_MS, signal, async (limited) => await ports.agent(id).status(limited)) };
  } catch (error) {
    signal.throwIfAborted();
    return { unreachable: (error as Error).message };
  }
}

export async function lookAt(ids: readonly string[], context: EffectContext): Promise<ClusterLook> {
  return new Map(await Promise.all(ids.map(async (id) => [id, await lookAtOne(id, context)] as const)));
}

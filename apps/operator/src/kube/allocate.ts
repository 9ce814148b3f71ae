import { SYSTEM_NAMESPACE } from '@polarstack/api';
import { isStackError, StackError } from '@polarstack/base';
import {
  ALLOCATION_CONFIG_MAP,
  type Counters,
  defaultPortRanges,
  parsePortRanges,
  portRangeAnnotations,
  takeExternalPort,
  takeIds,
  usedPorts,
} from '@polarstack/domain';
import { ConfigMaps, type KubeClient } from '@polarstack/kube';
import type { ConfigMap } from 'kubernetes-types/core/v1.js';

export interface Allocation {
  readonly firstId: number;
  /** Only where asked for. */
  readonly agentPort?: number;
}

export interface Wish {
  readonly ids: number;
  readonly agentPort: boolean;
  readonly claimedPorts: Iterable<number>;
}

export type Allocate = (wish: Wish, signal: AbortSignal) => Promise<Allocation>;

/**
 * Allocations of this process one after another: clusters that are made side by side would otherwise only take each other's
 * version of the counters away. Another process may still be faster.
 */
export function createAllocator(client: KubeClient): Allocate {
  let last: Promise<void> = Promise.resolve();
  return async (wish, signal) => {
    const before = last;
    const mine = (async () => {
      await before;
      signal.throwIfAborted();
      return await allocate(client, wish, signal);
    })();
    last = mine.then(
      () => undefined,
      () => undefined,
    );
    return await orAborted(mine, signal);
  };
}

/** Who is told to stop does not wait for its turn. */
async function orAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  let onAbort = (): void => {};
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(signal.reason);
  });
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

/**
 * Takes ids, and a host port for agents where asked for, from the original's counters: one write that fails where
 * somebody was faster, then again. What is taken and never recorded is a gap.
 */
async function allocate(client: KubeClient, wish: Wish, signal: AbortSignal): Promise<Allocation> {
  const key = { namespace: SYSTEM_NAMESPACE, name: ALLOCATION_CONFIG_MAP };
  const used = wish.agentPort ? await portsInUse(client, wish.claimedPorts, signal) : new Set<number>();
  for (let attempt = 1; ; attempt++) {
    const current = (await client.find(ConfigMaps, key, signal)) ?? (await createCounters(client, signal));
    const ids = takeIds(current.data ?? {}, wish.ids);
    const port = wish.agentPort ? takeExternalPort(ids.counters, rangesOf(current), used) : undefined;
    const counters: Counters = port?.counters ?? ids.counters;
    try {
      await client.replace(ConfigMaps, { ...current, data: { ...counters } }, signal);
      return { firstId: ids.first, ...(port && { agentPort: port.port }) };
    } catch (error) {
      if (!isStackError(error, 'Conflict') || attempt >= 50) throw error;
    }
  }
}

function rangesOf({ metadata }: ConfigMap) {
  const of = (which: 'external' | 'reserved') =>
    parsePortRanges(metadata?.annotations?.[portRangeAnnotations[which]] ?? defaultPortRanges[which]);
  return { external: of('external'), reserved: of('reserved') };
}

async function portsInUse(client: KubeClient, claimed: Iterable<number>, signal: AbortSignal) {
  const { items } = await client.list(ConfigMaps, { namespace: SYSTEM_NAMESPACE }, signal);
  const usage = items.filter(({ metadata }) => metadata?.name?.startsWith('cloud-provider-port-usage-'));
  return new Set([...usedPorts(usage), ...claimed]);
}

/** The counters as the original ships them, where nobody installed them. */
async function createCounters(client: KubeClient, signal: AbortSignal): Promise<ConfigMap> {
  const counters: ConfigMap = {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: ALLOCATION_CONFIG_MAP, namespace: SYSTEM_NAMESPACE },
    data: {},
  };
  try {
    return await client.create(ConfigMaps, counters, signal);
  } catch (error) {
    if (!isStackError(error, 'AlreadyExists')) throw error;
  }
  const made = await client.find(ConfigMaps, { namespace: SYSTEM_NAMESPACE, name: ALLOCATION_CONFIG_MAP }, signal);
  if (!made) throw new StackError('AllocationCorrupt', `ConfigMap ${ALLOCATION_CONFIG_MAP} comes and goes`);
  return made;
}

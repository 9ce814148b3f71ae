import { StackError } from '@polarstack/base';
import type { NodeSpec } from '../types.ts';

const FIRST = 2;
const LAST = 254;

/** Gives addresses of the nodes' pods; each is given once until it is given back. */
export interface Addresses {
  /** Notes an address that an adopted pod has. */
  reserve(uid: string, address: string): void;
  /** The pod's address, a new one where it has none. Throws `NoAddressLeft`. */
  allocate(uid: string, node: NodeSpec): string;
  release(uid: string): void;
}

export function createAddresses(): Addresses {
  const byPod = new Map<string, string>();
  const next = new Map<string, number>();
  return {
    reserve: (uid, address) => {
      byPod.set(uid, address);
    },
    allocate(uid, node) {
      const own = byPod.get(uid);
      if (own) return own;
      const used = new Set(byPod.values());
      // Going round, so that an address just given back is not another pod's a moment later.
      const from = next.get(node.name) ?? FIRST;
      for (let step = 0; step <= LAST - FIRST; step++) {
        const i = FIRST + ((from - FIRST + step) % (LAST - FIRST + 1));
        const address = node.podAddress(i);
        if (used.has(address)) continue;
        byPod.set(uid, address);
        next.set(node.name, i + 1 > LAST ? FIRST : i + 1);
        return address;
      }
      throw new StackError('NoAddressLeft', `node ${node.name} has no pod address left`);
    },
    release: (uid) => {
      byPod.delete(uid);
    },
  };
}

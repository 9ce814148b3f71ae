import type { Clock } from '@polarstack/base';
import { arrayAt } from './json.ts';
import type { ServiceAddresses } from './kinds/service-strategy.ts';
import { storePrefix } from './registry/definition.ts';
import type { ObjectStore } from './store/object-store.ts';

/** Chooses a free address of a range. */
export interface AddressRange {
  /** A free address, or undefined when all are used. */
  next(used: ReadonlySet<string>): string | undefined;
}

/** An address handed out stays reserved this long, until its service is visible in the store. */
const RESERVATION_MS = 30_000;

export function createServiceAddresses(store: ObjectStore, range: AddressRange, clock: Clock): ServiceAddresses {
  const reserved = new Map<string, number>();

  const used = (): Set<string> => {
    const taken = new Set<string>();
    for (const { object } of store.list(storePrefix('', 'services'))) {
      for (const address of arrayAt(object, 'spec', 'clusterIPs')) taken.add(String(address));
    }
    for (const [address, until] of reserved) {
      if (until > clock.monotonic()) taken.add(address);
      else reserved.delete(address);
    }
    return taken;
  };

  return {
    reserve: (wanted) => {
      const taken = used();
      const address = wanted ?? range.next(taken);
      if (address === undefined || taken.has(address)) return undefined;
      reserved.set(address, clock.monotonic() + RESERVATION_MS);
      return address;
    },
  };
}

/**
 * Keeps the objects of a cluster that was made as they should be, but for its pods: level-triggered, at each look.
 *
 * Invariants (tests cite them):
 * - ME1 What is gone and can be made again is made again, and an Event says so; what cannot is a fault in the status.
 * - ME2 Nothing is made or changed because a copy of the API's objects lacks it: the API is asked first.
 * - ME3 Where nothing is wrong nothing is read from the API and nothing written.
 * - ME4 What belongs to somebody else is reported and left alone.
 */
import type { MPDCluster } from '@polarstack/api';
import { type Logger, toStackError } from '@polarstack/base';
import type { ClusterSeen, Fault } from '@polarstack/domain';
import type { Services } from '../steps/services.ts';
import type { Content } from './content.ts';
import { faultOf } from './fault.ts';
import { mendServices } from './mend-services.ts';

/** Mends what it can; answers what was seen with what is known by then: addresses of new services, and the faults. */
export async function mendCluster(
  cluster: MPDCluster,
  seen: ClusterSeen,
  services: Services,
  content: Content,
  logger: Logger,
  signal: AbortSignal,
): Promise<ClusterSeen & { readonly faults: readonly Fault[] }> {
  const faults: Fault[] = [];
  // One that cannot be mended does not keep the others from it; it comes again with the next look.
  const attempt = async (what: () => Promise<void>): Promise<void> => {
    try {
      await what();
    } catch (error) {
      signal.throwIfAborted();
      const fault = faultOf(error);
      if (fault) faults.push(fault);
      else logger.warn({ err: toStackError(error) }, 'an object of a cluster could not be mended');
    }
  };
  const addresses = await mendServices(cluster, services, content, attempt, signal);
  return { ...seen, endpoints: located(seen.endpoints, addresses), faults };
}

function located(endpoints: ClusterSeen['endpoints'], addresses: ReadonlyMap<string, string>) {
  const at = (kind: 'rw' | 'ro' | 'r') => {
    const host = addresses.get(kind);
    return host === undefined ? endpoints[kind] : { ...endpoints[kind], host };
  };
  return { rw: at('rw'), ro: at('ro'), r: at('r') };
}

/**
 * Keeps the objects of a cluster that was made as they should be: level-triggered, at each look.
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
import type { createCertificateKeeper } from '../identity/maintain-certificates.ts';
import type { Services } from '../steps/services.ts';
import type { Content } from './content.ts';
import { type Attempt, faultOf } from './fault.ts';
import { heal } from './heal.ts';
import { mendConfigMaps } from './mend-config-maps.ts';
import { mendRecord, recordOf } from './mend-record.ts';
import { mendPasswords } from './mend-secrets.ts';
import { mendServices } from './mend-services.ts';

const reasons: readonly string[] = ['DataMissing', 'AuthorityMissing'];
const order = ({ reason }: Fault): number => (reasons.includes(reason) ? reasons.indexOf(reason) : reasons.length);

export interface MendClusterOptions {
  readonly services: Services;
  readonly content: Content;
  readonly certificates: Pick<ReturnType<typeof createCertificateKeeper>, 'maintain'>;
  readonly logger: Logger;
}

/** Mends what it can; answers what was seen with what is known by then: addresses of new services, and the faults. */
export async function mendCluster(
  cluster: MPDCluster,
  seen: ClusterSeen,
  { services, content, certificates, logger }: MendClusterOptions,
  signal: AbortSignal,
): Promise<ClusterSeen & { readonly faults: readonly Fault[] }> {
  const faults: Fault[] = [];
  // One that cannot be mended does not keep the others from it; it comes again with the next look.
  const attempt: Attempt = async (what) => {
    try {
      await what();
    } catch (error) {
      signal.throwIfAborted();
      const fault = faultOf(error);
      if (fault) faults.push(fault);
      else logger.warn({ err: toStackError(error) }, 'an object of a cluster could not be mended');
    }
  };
  const { record, unreadable } = recordOf(cluster, services);
  if (unreadable) await attempt(async () => await Promise.reject(unreadable));
  const addresses = await mendServices(cluster, record, services, content, attempt, signal);
  const located: ClusterSeen = { ...seen, endpoints: withAddresses(seen.endpoints, addresses) };
  await Promise.all([
    mendConfigMaps(cluster, services, content, attempt, signal),
    mendPasswords(cluster, located, services, content, attempt, signal),
    mendRecord(cluster, located, record, services, content, attempt, signal),
    heal(cluster, record, located, services, content, attempt, logger, signal),
    attempt(async () => void faults.push(...(await certificates.maintain(cluster, located, signal)))),
  ]);
  // The same faults read the same, whichever was met first.
  return { ...located, faults: faults.sort((a, b) => order(a) - order(b) || (a.message < b.message ? -1 : 1)) };
}

function withAddresses(endpoints: ClusterSeen['endpoints'], addresses: ReadonlyMap<string, string>) {
  const at = (kind: 'rw' | 'ro' | 'r') => {
    const host = addresses.get(kind);
    return host === undefined ? endpoints[kind] : { ...endpoints[kind], host };
  };
  return { rw: at('rw'), ro: at('ro'), r: at('r') };
}

import type { Lease } from 'kubernetes-types/coordination/v1.js';
import type { ElectionRequest, ElectionTimes, SeenLease } from './leader-election.ts';
import { microTime } from './time.ts';

/** Set by who releases a Lease, to its count of holders; everybody who takes it removes it. */
export const RELEASED_ANNOTATION = 'mpd.polardb.aliyun.com/lease-released';

/** The part of a Lease that the election looks at. */
export function seenLease(lease: Lease): SeenLease<Lease> {
  const { holderIdentity = '', leaseDurationSeconds = 0, leaseTransitions = 0 } = lease.spec ?? {};
  return {
    version: lease.metadata?.resourceVersion ?? '',
    holder: holderIdentity,
    durationMs: leaseDurationSeconds * 1000,
    isReleased: holderIdentity === '' && lease.metadata?.annotations?.[RELEASED_ANNOTATION] === `${leaseTransitions}`,
    object: lease,
  };
}

export interface LeaseWriter {
  readonly namespace: string;
  readonly name: string;
  readonly identity: string;
  readonly times: ElectionTimes;
  /** Wall clock: for people who look at the Lease, nobody decides by it. */
  readonly now: Date;
}

/** The Lease that a request writes. Fields and annotations of others stay. */
export function leaseFor(
  request: Exclude<ElectionRequest<Lease>, { readonly verb: 'read' }>,
  { namespace, name, identity, times, now }: LeaseWriter,
): Lease {
  const stamp = microTime(now);
  const held = { holderIdentity: identity, leaseDurationSeconds: times.leaseDurationMs / 1000, renewTime: stamp };
  if (request.verb === 'create') {
    return { metadata: { namespace, name }, spec: { ...held, acquireTime: stamp, leaseTransitions: 0 } };
  }
  // With uid and resourceVersion of what was seen: a Lease that was deleted, or made anew, is not written over.
  const { metadata, spec } = request.base.object;
  const { [RELEASED_ANNOTATION]: _mark, ...annotations } = metadata?.annotations ?? {};
  const transitions = spec?.leaseTransitions ?? 0;
  switch (request.verb) {
    case 'acquire':
      return {
        metadata: { ...metadata, annotations },
        spec: { ...spec, ...held, acquireTime: stamp, leaseTransitions: transitions + 1 },
      };
    case 'renew':
      return { metadata: { ...metadata, annotations }, spec: { ...spec, ...held } };
    case 'release': {
      // Without a holder rather than with an empty one, which some versions of Kubernetes refuse.
      const { holderIdentity: _holder, ...rest } = spec ?? {};
      return {
        metadata: { ...metadata, annotations: { ...annotations, [RELEASED_ANNOTATION]: `${transitions}` } },
        spec: { ...rest, leaseDurationSeconds: 1, renewTime: stamp },
      };
    }
  }
}

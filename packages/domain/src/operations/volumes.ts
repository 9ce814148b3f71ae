/**
 * Volumes of the instances, and when one grows by itself.
 *
 * Invariants (tests cite them):
 * - VO1 No volume is made smaller.
 * - VO2 Growth by itself ends at the ceiling, and asks for each size once: an attempt that failed is not repeated for ever.
 */
import type { MPDCluster } from '@polarstack/api';
import { bytesOf, mebibytes } from '@polarstack/base';

export interface VolumeFacts {
  readonly claim: string;
  /** Bytes. */
  readonly requested: number;
  /** Bytes that it has; undefined where it is not bound yet. */
  readonly capacity?: number;
  /** Bytes in use, where whoever provides it says so. */
  readonly used?: number;
  readonly className?: string;
  /** Whether its class lets it grow. */
  readonly growable: boolean;
}

export const defaultGrowth = { thresholdPercent: 85, stepPercent: 20 } as const;

export interface Growth {
  readonly size: string;
  readonly reason: string;
}

/** The size to grow to now; undefined where nothing is to be done, or the ceiling is reached. */
export function growthOf({ spec }: Pick<MPDCluster, 'spec'>, volumes: readonly VolumeFacts[]): Growth | undefined {
  const policy = spec.localStore?.autoGrow;
  const most = bytesOf(policy?.maxSize);
  if (!policy || most === undefined) return undefined;
  const { thresholdPercent = defaultGrowth.thresholdPercent, stepPercent = defaultGrowth.stepPercent } = policy;
  const [fullest] = volumes
    .flatMap(({ claim, capacity, used }) =>
      capacity === undefined || used === undefined ? [] : [{ claim, capacity, percent: (100 * used) / capacity }],
    )
    .sort((a, b) => b.percent - a.percent);
  if (!fullest || fullest.percent < thresholdPercent) return undefined;
  // All volumes of a cluster have one size.
  const present = Math.max(...volumes.map(({ requested, capacity = 0 }) => Math.max(requested, capacity)));
  const size = Math.min(most, present * (1 + stepPercent / 100));
  if (size <= present) return undefined;
  const reason = `volume ${fullest.claim} is ${Math.floor(fullest.percent)} % full, the threshold is ${thresholdPercent} %`;
  return { size: size === most ? String(policy.maxSize) : mebibytes(size), reason };
}

/** The volumes that cannot grow any more and are too full, in words; undefined where there are none. */
export function ceilingReached(
  { spec }: Pick<MPDCluster, 'spec'>,
  volumes: readonly VolumeFacts[],
): string | undefined {
  const policy = spec.localStore?.autoGrow;
  const most = bytesOf(policy?.maxSize);
  if (!policy || most === undefined) return undefined;
  const { thresholdPercent = defaultGrowth.thresholdPercent } = policy;
  const full = volumes.find(
    ({ capacity, used = 0 }) => capacity !== undefined && capacity >= most && 100 * used >= capacity * thresholdPercent,
  );
  return (
    full &&
    `volume ${full.claim} is ${Math.floor((100 * (full.used ?? 0)) / (full.capacity ?? 1))} % full and has its greatest size, ${policy.maxSize}`
  );
}

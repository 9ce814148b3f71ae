import type { OperationParameters } from '@polarstack/api';
import { bytesOf } from '@polarstack/base';
import { type Planned, planOf, refused } from '../operation-plan.ts';
import type { PlanCluster, PlanFacts } from '../plan-facts.ts';
import { updateRunningStatus } from '../planned-steps.ts';

/** Every volume of the cluster gets the size: what it has grows while it works. */
export function planExtendStorage(
  { instances }: PlanCluster,
  { size: named }: OperationParameters<'ExtendStorage'>,
  facts: PlanFacts,
): Planned {
  const { spec, status } = facts.cluster;
  const size = String(named ?? spec.localStore?.size ?? '');
  const wanted = bytesOf(size);
  if (wanted === undefined) {
    return refused('OperationInvalid', 'no size is named', 'Name parameters.size, or set spec.localStore.size.');
  }
  const volumes = instances.flatMap(({ pod }) => facts.volumes?.get(pod) ?? []);
  const largest = volumes.find(({ requested, capacity = 0 }) => Math.max(requested, capacity) > wanted);
  if (largest) {
    const message = `volume ${largest.claim} has ${Math.max(largest.requested, largest.capacity ?? 0)} bytes, more than ${size}`;
    return refused('VolumeCannotShrink', message, 'Ask for a larger size, and set spec.localStore.size back.');
  }
  const growing = volumes.filter(({ requested, capacity = 0 }) => requested < wanted || capacity < wanted);
  const fixed = growing.find(({ growable }) => !growable);
  if (fixed) {
    return refused(
      'VolumeCannotGrow',
      `StorageClass ${fixed.className ?? '(none)'} of volume ${fixed.claim} does not allow volumes to grow`,
      'Set allowVolumeExpansion of the class to true if its driver can do it.',
    );
  }
  const recorded = String(status?.appliedSpec?.localStore?.size ?? '') === size;
  const follows = String(spec.localStore?.size ?? '') === size;
  if (growing.length === 0 && recorded && follows) {
    return { type: 'nothing', message: `every volume has ${size} already` };
  }
  return planOf(
    [
      {
        name: 'ExtendVolumes',
        use: 'ExtendVolumes',
        input: { size },
        description: `Let every volume grow to ${size}`,
      },
      {
        name: 'RecordVolumes',
        use: 'RecordVolumes',
        input: { size, before: String(spec.localStore?.size ?? '') },
        description: `Record ${size} as the size of volumes, also of new ones`,
      },
      updateRunningStatus,
    ],
    {
      checks: ['no volume gets smaller', 'the StorageClass lets volumes grow'],
      risks: ['A volume never gets smaller again.'],
    },
  );
}

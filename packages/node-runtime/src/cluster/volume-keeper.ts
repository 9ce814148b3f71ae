/** Lets bound volumes grow, and tells how much of them is in use. */
import { annotations } from '@polarstack/api';
import { bytesOf, type Clock } from '@polarstack/base';
import {
  type EventRecorder,
  type KubeClient,
  objectKey,
  PersistentVolumeClaims,
  PersistentVolumes,
  updateWithRetry,
} from '@polarstack/kube';
import type { PersistentVolume, PersistentVolumeClaim } from 'kubernetes-types/core/v1.js';
import type { Layout } from '../layout.ts';
import type { Caches } from './caches.ts';
import { folderUse } from './folder-use.ts';
import { classOf, volumeName } from './volumes.ts';

export interface VolumeKeeperOptions {
  readonly client: KubeClient;
  readonly caches: Pick<Caches, 'classes'>;
  readonly layout: Pick<Layout, 'volume'>;
  readonly clock: Clock;
  readonly events: Pick<EventRecorder, 'record'>;
}

/** How often a folder is measured, in milliseconds. */
const MEASURE_EVERY_MS = 30_000;
/** Changes below this share of the volume are not worth a write. */
const WORTH_PERCENT = 1;

export function createVolumeKeeper({ client, caches, layout, clock, events }: VolumeKeeperOptions) {
  /** By key of the claim: which one it was, and when. */
  const measured = new Map<string, { readonly uid: string; readonly at: number }>();

  const change = async (
    claim: PersistentVolumeClaim,
    status: (current: PersistentVolumeClaim) => PersistentVolumeClaim['status'],
    signal: AbortSignal,
  ): Promise<void> => {
    const { name = '', namespace = '', uid } = claim.metadata ?? {};
    await updateWithRetry(
      client,
      PersistentVolumeClaims,
      { name, namespace },
      (current) => {
        const next = status(current);
        return current.metadata?.uid === uid && next ? { ...current, status: next } : undefined;
      },
      { status: true, signal },
    );
  };

  return {
    /** Source of conditions and events: Kubernetes' resizer. The folder needs nothing: its size is a quota. */
    grow: async (claim: PersistentVolumeClaim, volume: PersistentVolume, signal: AbortSignal): Promise<void> => {
      const storage = claim.spec?.resources?.requests?.storage;
      const [wanted, has] = [bytesOf(storage) ?? 0, bytesOf(claim.status?.capacity?.storage) ?? 0];
      if (storage === undefined || wanted <= has) return;
      const storageClass = classOf(claim, caches.classes.list());
      if (storageClass?.allowVolumeExpansion !== true) {
        const message = `StorageClass ${storageClass?.metadata?.name ?? claim.spec?.storageClassName} does not allow volumes to grow`;
        events.record(claim, { type: 'Warning', reason: 'VolumeResizeFailed', message });
        return;
      }
      const at = clock.now().toISOString();
      await change(
        claim,
        ({ status }) =>
          status?.conditions?.some(({ type }) => type === 'Resizing')
            ? undefined
            : { ...status, conditions: [{ type: 'Resizing', status: 'True', lastTransitionTime: at }] },
        signal,
      );
      if ((bytesOf(volume.spec?.capacity?.storage) ?? 0) < wanted) {
        const body = { spec: { capacity: { storage } } };
        await client.patch(PersistentVolumes, { name: volume.metadata?.name ?? '' }, { type: 'merge', body }, signal);
      }
      await change(
        claim,
        ({ status }) => {
          const { conditions: _, ...rest } = status ?? {};
          return { ...rest, capacity: { ...status?.capacity, storage } };
        },
        signal,
      );
      const message = `Volume ${volume.metadata?.name} has ${storage} now`;
      events.record(claim, { type: 'Normal', reason: 'VolumeResizeSuccessful', message });
    },

    /** Measures the folder where it is due, and tells a change that is worth it. Answers when it is due again. */
    tellUse: async (claim: PersistentVolumeClaim, node: string, signal: AbortSignal): Promise<number> => {
      const { uid = '', name = '', namespace = '', annotations: marks } = claim.metadata ?? {};
      const now = clock.monotonic();
      const last = measured.get(objectKey(claim));
      const due = last?.uid === uid ? last.at + MEASURE_EVERY_MS : now;
      if (now < due) return due - now;
      measured.set(objectKey(claim), { uid, at: now });
      const bytes = await folderUse(layout.volume(node, claim.spec?.volumeName || volumeName(claim)), signal);
      const told = Number(marks?.[annotations.usedBytes] ?? Number.NaN);
      const worth = ((bytesOf(claim.status?.capacity?.storage) ?? 0) * WORTH_PERCENT) / 100;
      if (!(Math.abs(bytes - told) < worth)) {
        const body = { metadata: { uid, annotations: { [annotations.usedBytes]: String(bytes) } } };
        await client.patch(PersistentVolumeClaims, { name, namespace }, { type: 'merge', body }, signal);
      }
      return MEASURE_EVERY_MS;
    },

    /** The claim of this key is gone. */
    forget: (key: string): void => {
      measured.delete(key);
    },
  };
}

/**
 * Volumes of the class `local`: a folder on one node for each claim.
 *
 * Invariants (tests cite them):
 * V1. A claim has at most one volume, named after its uid; once made it pins every pod of the claim to its node.
 * V2. A folder is made once, before its claim is bound, and removed only when its claim is gone and no process works
 *     in it.
 * V3. A claim in use is not removed (`pvc-protection`), nor a volume whose claim lives (`pv-protection`).
 * V4. A claim that asks for more gets it where its class allows growth; none gets smaller. A size is a quota: it is told, with what is
 *     in use, and not enforced.
 */
import { chmod, chown, mkdir, rm } from 'node:fs/promises';
import { type Clock, isStackError, type Logger, StackError } from '@polarstack/base';
import {
  type Controller,
  createController,
  type EventRecorder,
  type KubeClient,
  objectKey,
  PersistentVolumeClaims,
  PersistentVolumes,
  Pods,
  type ReconcileResult,
  StorageClasses,
  source,
  updateWithRetry,
} from '@polarstack/kube';
import type { NodeSelectorTerm, PersistentVolume, PersistentVolumeClaim, Pod } from 'kubernetes-types/core/v1.js';
import type { Layout } from '../layout.ts';
import type { RuntimeUser } from '../types.ts';
import type { Caches } from './caches.ts';
import { isPoweredOn } from './node-power.ts';
import { createVolumeKeeper } from './volume-keeper.ts';
import {
  CLAIM_FINALIZER,
  claimsOf,
  classOf,
  isOurs,
  localStorageClass,
  nodeOfVolume,
  PROVISIONER,
  VOLUME_FINALIZER,
  volumeFor,
  volumeName,
} from './volumes.ts';

export interface ProvisionerOptions {
  readonly client: KubeClient;
  readonly caches: Caches;
  readonly layout: Layout;
  readonly nodes: readonly string[];
  readonly user?: RuntimeUser;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly events: Pick<EventRecorder, 'record'>;
  /** Kills what works in a folder and proves that nothing does. */
  readonly killIn: (folder: string) => Promise<void>;
}

export interface ClaimPlan {
  /** Terms that a node must meet because of this claim. */
  readonly pins: readonly (readonly NodeSelectorTerm[])[];
  /** Why no pod can use the claim now. */
  readonly problem?: string;
}

export interface Provisioner {
  plan(claim: PersistentVolumeClaim): ClaimPlan;
  /** Makes the claim's volume on `node` and binds them; what is done already stays. */
  provide(claim: PersistentVolumeClaim, node: string, signal: AbortSignal): Promise<void>;
  readonly claimController: Controller;
  readonly volumeController: Controller;
  /** Makes the StorageClass where it is missing. */
  ensureClass(signal: AbortSignal): Promise<void>;
}

const termsOf = (volume: PersistentVolume): readonly (readonly NodeSelectorTerm[])[] => {
  const terms = volume.spec?.nodeAffinity?.required?.nodeSelectorTerms;
  return terms ? [terms] : [];
};

const without = (list: readonly string[] | undefined, name: string): string[] =>
  (list ?? []).filter((entry) => entry !== name);

export function createProvisioner(options: ProvisionerOptions): Provisioner {
  const { client, caches, layout, nodes, user, logger } = options;

  const volumeOf = (claim: PersistentVolumeClaim): PersistentVolume | undefined =>
    caches.volumes.get(claim.spec?.volumeName || volumeName(claim));

  function plan(claim: PersistentVolumeClaim): ClaimPlan {
    const name = claim.metadata?.name;
    if (claim.metadata?.deletionTimestamp)
      return { pins: [], problem: `persistentvolumeclaim "${name}" is being deleted` };
    const volume = volumeOf(claim);
    if (volume) return { pins: termsOf(volume) };
    if (claim.spec?.volumeName) return { pins: [], problem: `persistentvolumeclaim "${name}" has lost its volume` };
    const storageClass = classOf(claim, caches.classes.list());
    if (storageClass?.provisioner !== PROVISIONER) {
      return { pins: [], problem: `persistentvolumeclaim "${name}" is of a class that nobody provides here` };
    }
    return { pins: [] };
  }

  async function makeFolder(path: string): Promise<void> {
    await mkdir(path, { recursive: true, mode: 0o700 });
    await chmod(path, 0o700);
    if (user) await chown(path, user.uid, user.gid);
  }

  async function provide(claim: PersistentVolumeClaim, node: string, signal: AbortSignal): Promise<void> {
    if (claim.spec?.volumeName && claim.status?.phase === 'Bound') return;
    const name = claim.spec?.volumeName || volumeName(claim);
    let volume = await client.find(PersistentVolumes, { name }, signal);
    if (!volume) {
      const storageClass = classOf(claim, caches.classes.list());
      if (storageClass?.provisioner !== PROVISIONER) throw new StackError('MountFailed', `no class for claim ${name}`);
      volume = await client.create(
        PersistentVolumes,
        volumeFor(claim, storageClass, node, layout.volume(node, name)),
        signal,
      );
    }
    const place = nodeOfVolume(volume);
    if (isOurs(volume) && place !== undefined && claim.status?.phase !== 'Bound')
      await makeFolder(layout.volume(place, name));
    await client.patchStatus(
      PersistentVolumes,
      { name },
      { type: 'merge', body: { status: { phase: 'Bound' } } },
      signal,
    );
    const key = { name: claim.metadata?.name ?? '', namespace: claim.metadata?.namespace ?? '' };
    const sameClaim = (current: PersistentVolumeClaim): boolean => current.metadata?.uid === claim.metadata?.uid;
    await updateWithRetry(
      client,
      PersistentVolumeClaims,
      key,
      (current) =>
        sameClaim(current) && !current.spec?.volumeName
          ? { ...current, spec: { ...current.spec, volumeName: name } }
          : undefined,
      { signal },
    );
    const capacity = volume.spec?.capacity;
    await updateWithRetry(
      client,
      PersistentVolumeClaims,
      key,
      (current) =>
        sameClaim(current) && current.status?.phase !== 'Bound'
          ? {
              ...current,
              status: {
                phase: 'Bound',
                ...(current.spec?.accessModes ? { accessModes: current.spec.accessModes } : {}),
                ...(capacity ? { capacity } : {}),
              },
            }
          : undefined,
      { status: true, signal },
    );
  }

  const uses = (pod: Pod, claim: PersistentVolumeClaim): boolean =>
    pod.metadata?.namespace === claim.metadata?.namespace &&
    Boolean(pod.spec?.nodeName) &&
    claimsOf(pod).includes(claim.metadata?.name ?? '');

  const { grow, tellUse, forget } = createVolumeKeeper({
    client,
    caches,
    layout,
    clock: options.clock,
    events: options.events,
  });

  async function reconcileClaim(key: string, signal: AbortSignal): Promise<ReconcileResult> {
    const claim = caches.claims.get(key);
    if (!claim?.metadata) {
      forget(key);
      return {};
    }
    const { name = '', namespace = '', deletionTimestamp, finalizers } = claim.metadata;
    const held = finalizers?.includes(CLAIM_FINALIZER) ?? false;
    if (!deletionTimestamp) {
      if (!held) await setFinalizers(claim, [...(finalizers ?? []), CLAIM_FINALIZER], signal);
      // A pod that was given its node by hand never meets the scheduler.
      const pod = caches.pods.list().find((each) => uses(each, claim) && nodes.includes(each.spec?.nodeName ?? ''));
      if (pod?.spec?.nodeName && claim.status?.phase !== 'Bound' && plan(claim).problem === undefined) {
        await provide(claim, pod.spec.nodeName, signal);
      }
      const volume = volumeOf(claim);
      const node = volume && isOurs(volume) ? nodeOfVolume(volume) : undefined;
      if (!volume || node === undefined || !nodes.includes(node) || claim.status?.phase !== 'Bound') return {};
      await grow(claim, volume, signal);
      return isPoweredOn(caches.nodes.get(node)) ? { requeueAfterMs: await tellUse(claim, node, signal) } : {};
    }
    if (!held) return {};
    // The copy of the pods may be older than this claim's deletion: ask.
    const { items } = await client.list(Pods, { namespace }, signal);
    if (items.some((pod) => uses(pod, claim))) return {};
    logger.debug({ claim: name, namespace }, 'no pod uses the claim any more');
    await setFinalizers(claim, without(finalizers, CLAIM_FINALIZER), signal);
    return {};
  }

  async function setFinalizers(claim: PersistentVolumeClaim, finalizers: string[], signal: AbortSignal): Promise<void> {
    try {
      await client.replace(PersistentVolumeClaims, { ...claim, metadata: { ...claim.metadata, finalizers } }, signal);
    } catch (error) {
      if (!isStackError(error, 'NotFound')) throw error;
    }
  }

  async function reconcileVolume(name: string, signal: AbortSignal): Promise<{ requeueAfterMs: number } | undefined> {
    const volume = caches.volumes.get(name);
    const node = volume ? nodeOfVolume(volume) : undefined;
    if (!volume?.metadata || !isOurs(volume) || node === undefined || !nodes.includes(node)) return undefined;
    const reference = volume.spec?.claimRef;
    const key = { name: reference?.name ?? '', namespace: reference?.namespace ?? '' };
    const claim = await client.find(PersistentVolumeClaims, key, signal);
    if (claim && claim.metadata?.uid === reference?.uid) return undefined;
    if (volume.spec?.persistentVolumeReclaimPolicy === 'Retain') {
      if (volume.status?.phase !== 'Released') {
        const body = { status: { phase: 'Released' } };
        await client.patchStatus(PersistentVolumes, { name }, { type: 'merge', body }, signal);
      }
      if (!volume.metadata.deletionTimestamp) return undefined;
    } else if (isPoweredOn(caches.nodes.get(node))) {
      const folder = layout.volume(node, name);
      await options.killIn(folder);
      await rm(folder, { recursive: true, force: true });
    } else {
      // A node that is off keeps its disks as they are.
      return { requeueAfterMs: 1000 };
    }
    try {
      const finalizers = without(volume.metadata.finalizers, VOLUME_FINALIZER);
      await client.replace(PersistentVolumes, { ...volume, metadata: { ...volume.metadata, finalizers } }, signal);
      await client.delete(PersistentVolumes, { name }, {}, signal);
    } catch (error) {
      if (!isStackError(error, 'NotFound')) throw error;
    }
    return undefined;
  }

  const claimKeys = (pod: Pod): readonly string[] =>
    claimsOf(pod).map((claim) => `${pod.metadata?.namespace}/${claim}`);
  const claimController = createController({
    sources: [
      source(caches.claims, ({ object }) => [objectKey(object)]),
      source(caches.pods, ({ object }) => claimKeys(object)),
      source(caches.classes, () => caches.claims.list().map(objectKey)),
    ],
    concurrency: 2,
    reconcile: reconcileClaim,
    onError: (error, claim) => logger.warn({ err: error, claim }, 'a claim could not be brought up to date'),
  });
  const volumeController = createController({
    sources: [
      source(caches.volumes, ({ object }) => [objectKey(object)]),
      source(caches.claims, ({ object }) => [object.spec?.volumeName || volumeName(object)]),
    ],
    concurrency: 2,
    reconcile: async (key, signal) => (await reconcileVolume(key, signal)) ?? {},
    onError: (error, volume) => logger.warn({ err: error, volume }, 'a volume could not be brought up to date'),
  });

  return {
    plan,
    provide,
    claimController,
    volumeController,
    async ensureClass(signal) {
      if (await client.find(StorageClasses, { name: localStorageClass.metadata?.name ?? '' }, signal)) return;
      try {
        await client.create(StorageClasses, localStorageClass, signal);
      } catch (error) {
        if (!isStackError(error, 'AlreadyExists')) throw error;
      }
    },
  };
}

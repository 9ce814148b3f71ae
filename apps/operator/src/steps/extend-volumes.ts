import { type MPDCluster, type MPDClusterStatus, MPDClusters } from '@polarstack/api';
import { bytesOf, isStackError, StackError } from '@polarstack/base';
import { PersistentVolumeClaims, updateWithRetry } from '@polarstack/kube';
import type { PersistentVolumeClaim } from 'kubernetes-types/core/v1.js';
import { readCluster, updateClusterStatus } from '../kube/cluster-status-writer.ts';
import { type ClusterStep, type ClusterStepContext, clusterOf, keyOf, membersOf } from './services.ts';

const POLL_MS = 200;
/** A volume that has not grown after this time is told of; the step is tried again, each time for less long. */
const PATIENCE_MS = 120_000;

function sizeOf({ input }: ClusterStepContext): string {
  if (typeof input.size !== 'string') throw new StackError('Internal', 'the plan does not name a size');
  return input.size;
}

/** Asks for the size where less was asked for; a claim that wants more stays as it is. */
async function extend(step: ClusterStepContext, namespace: string, name: string, size: string): Promise<void> {
  const { client } = step.services;
  try {
    await updateWithRetry(
      client,
      PersistentVolumeClaims,
      { namespace, name },
      (claim) =>
        (bytesOf(claim.spec?.resources?.requests?.storage) ?? 0) >= (bytesOf(size) ?? 0)
          ? undefined
          : {
              ...claim,
              spec: {
                ...claim.spec,
                resources: {
                  ...claim.spec?.resources,
                  requests: { ...claim.spec?.resources?.requests, storage: size },
                },
              },
            },
      { signal: step.signal },
    );
  } catch (error) {
    // The API server knows the class: it refuses what cannot grow.
    if (!isStackError(error, 'Invalid') && !isStackError(error, 'Forbidden')) throw error;
    throw new StackError('VolumeCannotGrow', `volume ${name}: ${error.message}`, { cause: error });
  }
}

const saysWhy = ({ status }: PersistentVolumeClaim): string =>
  (status?.conditions ?? []).map(({ type, message }) => `${type}${message ? `: ${message}` : ''}`).join('; ') ||
  'nobody says why';

export const extendVolumes: ClusterStep = {
  name: 'ExtendVolumes',
  timeoutMs: 10 * 60_000,
  retry: { limit: 3 },
  run: async (step) => {
    const size = sizeOf(step);
    const cluster = await clusterOf(step);
    const { client, clock } = step.services;
    const namespace = cluster.metadata.namespace ?? 'default';
    const names = membersOf(cluster).members.map(({ pod }) => pod);
    await Promise.all(names.map(async (name) => await extend(step, namespace, name, size)));
    const started = clock.monotonic();
    for (;;) {
      const claims = await Promise.all(
        names.map(async (name) => await client.get(PersistentVolumeClaims, { namespace, name }, step.signal)),
      );
      const small = claims.filter(
        ({ status }) => status?.phase === 'Bound' && (bytesOf(status.capacity?.storage) ?? 0) < (bytesOf(size) ?? 0),
      );
      const [first] = small;
      if (!first) return { type: 'done', message: `${claims.length} volumes have ${size}` };
      const message = `volume ${first.metadata?.name} has ${first.status?.capacity?.storage} of ${size}: ${saysWhy(first)}`;
      step.progress(message);
      if (clock.monotonic() - started > PATIENCE_MS / (1 + step.failures))
        throw new StackError('VolumeNotGrown', message);
      await clock.sleep(POLL_MS, step.signal);
    }
  },
};

/** The size as what new instances get, and as the wish of the spec where nobody has changed that meanwhile. */
export const recordVolumes: ClusterStep = {
  name: 'RecordVolumes',
  timeoutMs: 30_000,
  run: async (step) => {
    const size = sizeOf(step);
    const { client } = step.services;
    const key = keyOf(step);
    const recorded = ({ status }: MPDCluster): MPDClusterStatus => ({
      ...status,
      appliedSpec: { ...status?.appliedSpec, localStore: { ...status?.appliedSpec?.localStore, size } },
    });
    await updateClusterStatus(client, await readCluster(client, key, step.signal), recorded, step.signal);
    await updateWithRetry(
      client,
      MPDClusters,
      key,
      (cluster) =>
        cluster.metadata.uid === key.uid &&
        String(cluster.spec.localStore?.size ?? '') === step.input.before &&
        step.input.before !== size
          ? { ...cluster, spec: { ...cluster.spec, localStore: { ...cluster.spec.localStore, size } } }
          : undefined,
      { signal: step.signal },
    );
    return undefined;
  },
};

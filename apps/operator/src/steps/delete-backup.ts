/**
 * The last backup of a cluster that is to be deleted, by a pod of a template that its user wrote.
 *
 * Invariants (tests cite them):
 * - FB1 Where a backup is asked for nothing of the cluster is stopped before one pod of it has ended well, or a person has left the
 *   step out.
 * - FB2 A pod that failed stays, with its log, until the operation is resumed; then another one takes its place.
 * - FB3 The template is read anew for each pod, and the wish with each look: mending either is enough, and so is taking the wish
 *   away.
 * - FB4 Where nothing can be made any more, because the namespace goes too, the deletion goes on and says that there is no backup.
 */
import { annotations, type MPDCluster, names } from '@polarstack/api';
import { isStackError, StackError } from '@polarstack/base';
import { isCreated } from '@polarstack/domain';
import { Namespaces, Pods, PodTemplates } from '@polarstack/kube';
import { done } from '@polarstack/workflow';
import type { Pod } from 'kubernetes-types/core/v1.js';
import { readCluster } from '../kube/cluster-status-writer.ts';
import { ensure } from '../kube/ensure.ts';
import { isNamespaceEnding } from '../kube/namespace-ending.ts';
import { backupPod, endOf, stateOf } from './delete-backup-pod.ts';
import { type ClusterStep, type ClusterStepContext, keyOf } from './services.ts';

/** Pauses between looks: short ones at first, for backups that take a moment. */
const SOON_MS = 20;
const POLL_MS = 1_000;
const DEFAULT_MINUTES = 1_440;

const failed = (message: string, remedy?: string): StackError =>
  new StackError('FinalBackupFailed', message, remedy === undefined ? {} : { remedy });

const keyOfPod = (cluster: MPDCluster) => ({
  namespace: cluster.metadata.namespace ?? 'default',
  name: names.finalBackup(cluster.metadata.name ?? ''),
});

/** Whether the namespace is on its way out: then there may be no template any more, and no pod can be made. */
async function isGoing({ services, signal }: ClusterStepContext, name: string): Promise<boolean> {
  const namespace = await services.client.find(Namespaces, { name }, signal);
  return namespace?.metadata?.deletionTimestamp !== undefined;
}

/** The pod of the backup as it is, made where there is none; undefined where the namespace goes and it cannot be made. */
async function podOf(step: ClusterStepContext, cluster: MPDCluster, template: string): Promise<Pod | undefined> {
  const { client } = step.services;
  const key = keyOfPod(cluster);
  const found = await client.find(Pods, key, step.signal);
  if (found) return found;
  const source = await client.find(PodTemplates, { namespace: key.namespace, name: template }, step.signal);
  if (!source) {
    if (await isGoing(step, key.namespace)) return undefined;
    const remedy = 'Make the PodTemplate, or name another one in spec.finalBackup, and resume; or skip the step.';
    throw failed(`there is no PodTemplate ${key.namespace}/${template} for the final backup`, remedy);
  }
  try {
    return await ensure(client, Pods, backupPod(cluster, source), { owner: cluster }, step.signal);
  } catch (error) {
    if (isNamespaceEnding(error)) return undefined;
    if (!isStackError(error, 'Invalid') && !isStackError(error, 'Forbidden')) throw error;
    throw failed(
      `no pod can be made of PodTemplate ${template}: ${error.message}`,
      'Correct the template, and resume.',
    );
  }
}

/** Leaves the reason on the pod, so that whoever resumes gets a new one, and throws it. */
async function fail(step: ClusterStepContext, pod: Pod, why: string): Promise<never> {
  const { name = '', namespace = 'default', resourceVersion } = pod.metadata ?? {};
  const body = { metadata: { annotations: { [annotations.backupFailed]: why }, resourceVersion } };
  await step.services.client.patch(Pods, { namespace, name }, { type: 'merge', body }, step.signal);
  throw failed(`pod ${namespace}/${name} made no backup: ${why}`);
}

/** Takes a pod away that is told of as failed; its successor is made at the next look. */
async function clear(step: ClusterStepContext, pod: Pod): Promise<void> {
  const { name = '', namespace = 'default', uid } = pod.metadata ?? {};
  try {
    const preconditions = uid === undefined ? {} : { preconditions: { uid } };
    await step.services.client.delete(
      Pods,
      { namespace, name },
      { gracePeriodSeconds: 0, ...preconditions },
      step.signal,
    );
  } catch (error) {
    if (!isStackError(error, 'NotFound') && !isStackError(error, 'Conflict')) throw error;
  }
}

export const finalBackup: ClusterStep = {
  name: 'FinalBackup',
  // The time that the user gives it is counted from the pod's making: restarts of the operator do not lengthen it.
  timeoutMs: 15 * 86_400_000,
  run: async (step) => {
    const { clock, client, events } = step.services;
    const tell = (message: string, cluster: MPDCluster) => {
      events.record(cluster, { type: 'Warning', reason: 'NoFinalBackup', message });
      return done({}, message);
    };
    for (let pauseMs = SOON_MS; ; pauseMs = Math.min(2 * pauseMs, POLL_MS)) {
      const cluster = await readCluster(client, keyOf(step), step.signal);
      const { finalBackup: wish } = cluster.spec;
      if (!wish) return done({}, 'none was asked for');
      if (!isCreated(cluster)) return done({}, 'the cluster was never made: there is nothing to save');
      const pod = await podOf(step, cluster, wish.podTemplate);
      if (!pod)
        return tell('its namespace is being deleted, and nothing can be made in it: there is no final backup', cluster);
      if (!pod.metadata?.ownerReferences?.some(({ uid }) => uid === cluster.metadata.uid)) {
        throw new StackError('NameTaken', `Pod ${pod.metadata?.name} exists and does not belong to the cluster`);
      }
      const { phase } = pod.status ?? {};
      if (phase === 'Succeeded') return done({}, `pod ${pod.metadata.name} of template ${wish.podTemplate} ended well`);
      const going = pod.metadata.deletionTimestamp !== undefined;
      if (pod.metadata.annotations?.[annotations.backupFailed] !== undefined) await clear(step, pod);
      else if (phase === 'Failed' && !going) await fail(step, pod, endOf(pod));
      else if (!going) {
        const minutes = wish.timeoutMinutes ?? DEFAULT_MINUTES;
        const until = Date.parse(pod.metadata.creationTimestamp ?? '') + minutes * 60_000;
        if (clock.now().getTime() > until) await fail(step, pod, `it has not ended within ${minutes} minutes`);
        step.progress(`pod ${pod.metadata.name} makes the final backup (${stateOf(pod)})`);
      }
      await clock.sleep(pauseMs, step.signal);
    }
  },
};

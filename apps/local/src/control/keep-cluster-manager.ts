/**
 * Keeps the cluster manager's pod there.
 *
 * Invariants (tests cite them):
 * - K1 A pod that is gone, has ended, lies on a node that does not work, or runs other code is made again.
 * - K2 A pod of this code that runs is left alone, whoever made it: it outlives this process.
 */
import { STACK_NAMESPACE } from '@polarstack/api';
import { type Clock, isStackError, type Logger, systemClock, toStackError } from '@polarstack/base';
import { createController, createInformer, type KubeClient, Nodes, Pods, Secrets, source } from '@polarstack/kube';
import type { Node, Pod } from 'kubernetes-types/core/v1.js';
import { CODE_ANNOTATION, MANAGER_NAME, managerPod, managerSecret } from './cluster-manager-pod.ts';

export interface KeepOptions {
  readonly client: KubeClient;
  /** Hash of the program. */
  readonly bundle: string;
  readonly kubeconfig: string;
  readonly log: Logger;
  readonly clock?: Clock;
  readonly signal: AbortSignal;
}

const KEY = 'cluster-manager';
const pod = { namespace: STACK_NAMESPACE, name: MANAGER_NAME };

/** Why a pod must go; undefined where it may stay. */
export function whyReplaced(found: Pod, wanted: Pod, node: Node | undefined): string | undefined {
  if (found.metadata?.annotations?.[CODE_ANNOTATION] !== wanted.metadata?.annotations?.[CODE_ANNOTATION])
    return 'it runs other code';
  const { phase } = found.status ?? {};
  if (phase === 'Failed' || phase === 'Succeeded') return `it has ended (${phase})`;
  if (found.spec?.nodeName === undefined) return undefined;
  if (!node) return 'its node is gone';
  const ready = node.status?.conditions?.find(({ type }) => type === 'Ready');
  return ready && ready.status !== 'True' ? 'its node does not work' : undefined;
}

/** Works until the signal aborts; leaves the pod running then. */
export async function keepClusterManager(options: KeepOptions): Promise<void> {
  const { client, bundle, kubeconfig, log, clock = systemClock, signal } = options;
  const onError = (error: unknown): void => log.warn({ err: toStackError(error) }, 'a watch broke; it is resumed');
  const watching = { client, clock, onError };
  const pods = createInformer<Pod>({ ...watching, resource: Pods, namespace: STACK_NAMESPACE });
  const nodes = createInformer<Node>({ ...watching, resource: Nodes });
  const wanted = managerPod(bundle, kubeconfig);
  const secret = managerSecret(kubeconfig);

  const ensureSecret = async (): Promise<void> => {
    const found = await client.find(Secrets, pod, signal);
    if (!found) await client.create(Secrets, secret, signal);
    else if (found.data?.kubeconfig !== secret.data?.kubeconfig)
      await client.patch(Secrets, pod, { type: 'merge', body: { data: { ...secret.data } } }, signal);
  };

  const reconcile = async (): Promise<Record<string, never>> => {
    const found = pods.get(`${pod.namespace}/${pod.name}`);
    if (!found) {
      await ensureSecret();
      try {
        await client.create(Pods, wanted, signal);
        log.info({}, 'the cluster manager gets a pod');
      } catch (error) {
        // Our copy was behind; the change that tells so is on its way.
        if (!isStackError(error, 'AlreadyExists')) throw error;
      }
      return {};
    }
    const { deletionTimestamp, uid } = found.metadata ?? {};
    const node = nodes.get(found.spec?.nodeName ?? '');
    const why = whyReplaced(found, wanted, node);
    if (why === undefined) return {};
    const nodeWorks = node?.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True');
    // Nobody on a node that is off ends a pod in order.
    const force = nodeWorks ? {} : { gracePeriodSeconds: 0 };
    if (deletionTimestamp !== undefined && nodeWorks) return {};
    log.info({ why }, 'the pod of the cluster manager is replaced');
    const preconditions = uid === undefined ? {} : { preconditions: { uid } };
    try {
      await client.delete(Pods, pod, { ...force, ...preconditions }, signal);
    } catch (error) {
      if (!isStackError(error, 'NotFound') && !isStackError(error, 'Conflict')) throw error;
    }
    return {};
  };

  const controller = createController({
    sources: [source(pods, () => [KEY]), source(nodes, () => [KEY])],
    reconcile,
    concurrency: 1,
    onError: (error) => log.warn({ err: toStackError(error) }, 'the cluster manager is looked after again'),
  });
  controller.queue.add(KEY);
  await Promise.all([controller.run(signal), pods.start(signal), nodes.start(signal)]);
}

/** Gives pending pods to nodes (choose-node.ts decides), and their claims volumes on that node before that. */
import { isStackError, type Logger } from '@polarstack/base';
import {
  type Controller,
  createController,
  type KubeClient,
  kubeTime,
  objectKey,
  Pods,
  parseKey,
  source,
} from '@polarstack/kube';
import type { NodeSelectorTerm, PersistentVolumeClaim, Pod, PodCondition } from 'kubernetes-types/core/v1.js';
import { bindPod } from './bind-pod.ts';
import type { Caches } from './caches.ts';
import { chooseNode } from './choose-node.ts';
import type { Provisioner } from './provisioner.ts';
import { claimsOf } from './volumes.ts';

export interface SchedulerOptions {
  readonly client: KubeClient;
  readonly caches: Caches;
  readonly provisioner: Provisioner;
  readonly logger: Logger;
  readonly now: () => Date;
  readonly tell: (pod: Pod, type: 'Normal' | 'Warning', reason: string, message: string) => void;
}

const NAME = 'default-scheduler';

const hasEnded = (pod: Pod): boolean => pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';

/** Waits for a node of ours to be found. */
export function isPending(pod: Pod): boolean {
  return (
    !pod.spec?.nodeName &&
    !pod.metadata?.deletionTimestamp &&
    !hasEnded(pod) &&
    (pod.spec?.schedulerName ?? NAME) === NAME
  );
}

export function createScheduler(options: SchedulerOptions): Controller {
  const { client, caches, provisioner, tell } = options;
  /** Bindings that the copy of the pods does not show yet: uid -> pod as it will be. */
  const assumed = new Map<string, Pod>();

  function boundPods(): readonly Pod[] {
    const pods = caches.pods.list();
    const byUid = new Map(pods.map((pod) => [pod.metadata?.uid, pod]));
    for (const uid of [...assumed.keys()]) {
      const known = byUid.get(uid);
      if (!known || known.spec?.nodeName) assumed.delete(uid);
    }
    return [...pods.filter((pod) => pod.spec?.nodeName), ...assumed.values()].filter((pod) => !hasEnded(pod));
  }

  async function refuse(pod: Pod, message: string, signal: AbortSignal): Promise<void> {
    const conditions = pod.status?.conditions ?? [];
    const before = conditions.find(({ type }) => type === 'PodScheduled');
    if (before?.status === 'False' && before.message === message) return;
    tell(pod, 'Warning', 'FailedScheduling', message);
    const condition: PodCondition = {
      type: 'PodScheduled',
      status: 'False',
      reason: 'Unschedulable',
      message,
      lastTransitionTime:
        before?.status === 'False' && before.lastTransitionTime ? before.lastTransitionTime : kubeTime(options.now()),
    };
    const others = conditions.filter(({ type }) => type !== 'PodScheduled');
    const status = { ...pod.status, phase: 'Pending', conditions: [...others, condition] };
    await client.replaceStatus(Pods, { ...pod, status }, signal);
  }

  async function place(pod: Pod, signal: AbortSignal): Promise<void> {
    const namespace = pod.metadata?.namespace ?? '';
    const claims: PersistentVolumeClaim[] = [];
    const pins: (readonly NodeSelectorTerm[])[] = [];
    for (const name of claimsOf(pod)) {
      const claim = caches.claims.get(`${namespace}/${name}`);
      if (!claim) return await refuse(pod, `persistentvolumeclaim "${name}" not found`, signal);
      const plan = provisioner.plan(claim);
      if (plan.problem !== undefined) return await refuse(pod, plan.problem, signal);
      claims.push(claim);
      pins.push(...plan.pins);
    }
    const choice = chooseNode({ pod, nodes: caches.nodes.list(), bound: boundPods(), pins });
    if (choice.node === undefined) return await refuse(pod, choice.message, signal);
    for (const claim of claims) await provisioner.provide(claim, choice.node, signal);
    try {
      await bindPod(client, pod, choice.node, signal);
    } catch (error) {
      // Bound already (our own answer got lost), or deleted meanwhile.
      if (isStackError(error, 'NotFound')) return;
      if (!isStackError(error, 'Conflict')) throw error;
      return;
    }
    const uid = pod.metadata?.uid ?? '';
    assumed.set(uid, { ...pod, spec: { containers: [], ...pod.spec, nodeName: choice.node } });
    tell(pod, 'Normal', 'Scheduled', `assigned ${namespace}/${pod.metadata?.name} to ${choice.node}`);
  }

  const pendingKeys = (): readonly string[] => caches.pods.list().filter(isPending).map(objectKey);
  const controller = createController({
    sources: [
      source(caches.pods, ({ type, object }) => {
        if (type === 'DELETED' || hasEnded(object)) return pendingKeys();
        return isPending(object) ? [objectKey(object)] : [];
      }),
      source(caches.nodes, pendingKeys),
      source(caches.claims, pendingKeys),
      source(caches.volumes, pendingKeys),
      source(caches.classes, pendingKeys),
    ],
    // One at a time: each placement counts for the next.
    concurrency: 1,
    reconcile: async (key, signal) => {
      const pod = caches.pods.get(key);
      if (!pod || !isPending(pod) || assumed.has(pod.metadata?.uid ?? '')) return;
      await place(pod, signal);
    },
    onError: (error, key) => options.logger.warn({ err: error, pod: parseKey(key) }, 'a pod could not be placed'),
  });
  return controller;
}

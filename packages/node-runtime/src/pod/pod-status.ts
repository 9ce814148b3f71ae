import type {
  ContainerState,
  ContainerStateTerminated,
  ContainerStatus,
  Pod,
  PodCondition,
  PodStatus,
} from 'kubernetes-types/core/v1.js';
import { isDone, isInitialized } from './decide.ts';
import type { RunEnd } from './pod-record.ts';
import type { ContainerView } from './pod-view.ts';
import type { RestartPolicy } from './restart-backoff.ts';

export interface StatusInput {
  readonly pod: Pod;
  readonly init: readonly ContainerView[];
  readonly main: readonly ContainerView[];
  readonly podIP?: string;
  readonly hostIP: string;
  readonly startTime?: string;
  /** Why the pod cannot be prepared (a volume that does not mount). */
  readonly problem?: { readonly reason: string; readonly message: string };
  /** What the spec asks for and this runtime does not do; undefined where there is no such thing. */
  readonly notEnforced?: string;
  readonly terminating: boolean;
  readonly now: Date;
}

export function containerId(pod: Pod, container: string, run: number): string {
  return `polarstack://${pod.metadata?.uid}/${container}/${run}`;
}

const terminated = (pod: Pod, name: string, end: RunEnd): ContainerStateTerminated => ({
  containerID: containerId(pod, name, end.run),
  exitCode: end.exitCode,
  ...(end.exitCode > 128 && end.exitCode < 193 ? { signal: end.exitCode - 128 } : {}),
  reason: end.reason,
  startedAt: end.startedAt,
  finishedAt: end.finishedAt,
});

function stateOf(view: ContainerView, input: StatusInput, init: boolean): ContainerState {
  const policy = policyOf(input.pod);
  switch (view.state) {
    case 'running':
    case 'stopping':
      return { running: { ...(view.startedAt ? { startedAt: view.startedAt } : {}) } };
    case 'ended': {
      if (view.end && (isDone(view, policy, init) || input.terminating)) {
        return { terminated: terminated(input.pod, view.name, view.end) };
      }
      if (view.problem) return { waiting: view.problem };
      if (view.pauseMs > 0) {
        const message = `back-off restarting failed container ${view.name}`;
        return { waiting: { reason: 'CrashLoopBackOff', message } };
      }
      return view.end ? { terminated: terminated(input.pod, view.name, view.end) } : { waiting: {} };
    }
    case 'waiting': {
      const initializing = !init && input.init.length > 0 && !isInitialized(input.init);
      return { waiting: view.problem ?? { reason: initializing ? 'PodInitializing' : 'ContainerCreating' } };
    }
  }
}

function containerStatus(view: ContainerView, input: StatusInput, init: boolean): ContainerStatus {
  const spec = [...(input.pod.spec?.initContainers ?? []), ...(input.pod.spec?.containers ?? [])];
  const image = spec.find((container) => container.name === view.name)?.image ?? '';
  const state = stateOf(view, input, init);
  const last = state.terminated ? view.previous : (view.end ?? view.previous);
  return {
    name: view.name,
    image,
    imageID: view.run > 0 ? image : '',
    ...(view.run > 0 ? { containerID: containerId(input.pod, view.name, view.run) } : {}),
    state,
    lastState: last ? { terminated: terminated(input.pod, view.name, last) } : {},
    restartCount: Math.max(0, view.run - 1),
    ready: init ? view.end?.exitCode === 0 : view.state === 'running' && view.ready,
    started: view.state === 'running' && view.started,
  };
}

const policyOf = (pod: Pod): RestartPolicy => (pod.spec?.restartPolicy as RestartPolicy | undefined) ?? 'Always';

/** The pod's phase, by Kubernetes' rules. */
export function podPhase(input: Pick<StatusInput, 'pod' | 'init' | 'main' | 'terminating'>): string {
  const policy = policyOf(input.pod);
  if (input.init.some((view) => isDone(view, policy, true) && view.end?.exitCode !== 0)) return 'Failed';
  if (!isInitialized(input.init) && input.main.every((view) => view.run === 0)) return 'Pending';
  const finished = input.main.every(
    (view) => isDone(view, policy, false) || (input.terminating && view.state === 'ended'),
  );
  if (finished) return input.main.every((view) => view.end?.exitCode === 0) ? 'Succeeded' : 'Failed';
  return input.main.every((view) => view.run > 0) ? 'Running' : 'Pending';
}

type Verdict = readonly [type: string, holds: boolean, reason?: string | undefined, message?: string | undefined];

function conditions(input: StatusInput, phase: string): PodCondition[] {
  const { main, init } = input;
  const done = phase === 'Succeeded' || phase === 'Failed';
  const unready = main.filter((view) => !(view.state === 'running' && view.ready)).map((view) => view.name);
  const ready = unready.length === 0;
  const why: readonly [reason: string, message?: string] = done
    ? ['PodCompleted']
    : ['ContainersNotReady', `containers with unready status: [${unready.join(' ')}]`];
  const initialized = isInitialized(init) || main.some((view) => view.run > 0);
  const verdicts: Verdict[] = [
    ['PodScheduled', true],
    ['Initialized', initialized, initialized ? undefined : 'ContainersNotInitialized'],
    ready ? ['ContainersReady', true] : ['ContainersReady', false, ...why],
    ready ? ['Ready', true] : ['Ready', false, ...why],
  ];
  if (input.notEnforced !== undefined) {
    verdicts.push(['ResourcesEnforced', false, 'NotSupported', input.notEnforced]);
  }
  const before = input.pod.status?.conditions ?? [];
  const ours = new Set(verdicts.map(([type]) => type));
  const kept = before.filter(({ type }) => !ours.has(type) && type !== 'ResourcesEnforced');
  const made = verdicts.map(([type, holds, reason, message]): PodCondition => {
    const status = holds ? 'True' : 'False';
    const old = before.find((condition) => condition.type === type);
    const since = old?.status === status ? old.lastTransitionTime : undefined;
    return {
      type,
      status,
      lastTransitionTime: since ?? toSeconds(input.now),
      ...(reason ? { reason } : {}),
      ...(message ? { message } : {}),
    };
  });
  return [...kept, ...made];
}

/** Kubernetes' times have whole seconds. */
export const toSeconds = (date: Date): string => `${date.toISOString().slice(0, 19)}Z`;

/** The status that the pod has now; what others wrote into its conditions stays. */
export function podStatus(input: StatusInput): PodStatus {
  const phase = podPhase(input);
  const { pod, podIP, problem } = input;
  return {
    phase,
    ...(problem ? problem : {}),
    hostIP: input.hostIP,
    hostIPs: [{ ip: input.hostIP }],
    ...(podIP ? { podIP, podIPs: [{ ip: podIP }] } : {}),
    ...(input.startTime ? { startTime: input.startTime } : {}),
    qosClass: pod.status?.qosClass ?? 'BestEffort',
    conditions: conditions(input, phase),
    ...(input.init.length > 0
      ? { initContainerStatuses: input.init.map((view) => containerStatus(view, input, true)) }
      : {}),
    containerStatuses: input.main.map((view) => containerStatus(view, input, false)),
  };
}

/** The status of a pod whose node is lost: what was last seen stays, but it is not ready. */
export function lostStatus(pod: Pod, now: Date): PodStatus {
  const conditions = pod.status?.conditions ?? [];
  const reason = { reason: 'NodeNotReady', message: 'the node is switched off' };
  return {
    ...pod.status,
    conditions: conditions.map((condition) =>
      condition.type === 'Ready' && condition.status !== 'False'
        ? { ...condition, status: 'False', ...reason, lastTransitionTime: toSeconds(now) }
        : condition,
    ),
  };
}

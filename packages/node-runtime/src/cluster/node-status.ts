import type { ContainerImage, Node, NodeCondition, NodeStatus } from 'kubernetes-types/core/v1.js';
import type { ImageSpec, NodeSpec } from '../types.ts';

/** What this machine has; shared by all its nodes. */
export interface MachineFacts {
  readonly cpus: number;
  readonly memoryBytes: number;
  readonly diskBytes: number;
  readonly bootId: string;
  readonly machineId: string;
  readonly kernel: string;
  readonly osImage: string;
  readonly architecture: string;
  readonly version: string;
}

export interface NodeStatusInput {
  readonly spec: NodeSpec;
  readonly current: Node;
  readonly images: readonly ImageSpec[];
  readonly machine: MachineFacts;
  readonly powered: boolean;
  /** Whole seconds, Kubernetes' form. */
  readonly now: string;
}

/** Pods that a node can address. */
export const PODS_PER_NODE = 250;

type Verdict = readonly [type: string, status: 'True' | 'False' | 'Unknown', reason: string, message: string];

function verdicts({ spec, powered }: NodeStatusInput): readonly Verdict[] {
  const pressure = (type: string): Verdict =>
    powered
      ? [type, 'False', 'NoPressure', 'this machine is not watched for it']
      : [type, 'Unknown', 'NodeStatusUnknown', 'the node is switched off'];
  const ready: Verdict = powered
    ? ['Ready', 'True', 'KubeletReady', 'the node runtime runs its pods']
    : ['Ready', 'Unknown', 'NodeStatusUnknown', 'the node is switched off'];
  return [
    pressure('MemoryPressure'),
    pressure('DiskPressure'),
    pressure('PIDPressure'),
    ready,
    ['NodeClientIP', 'True', 'lo', spec.address],
  ];
}

function conditions(input: NodeStatusInput): NodeCondition[] {
  const before = input.current.status?.conditions ?? [];
  const made = verdicts(input).map(([type, status, reason, message]): NodeCondition => {
    const old = before.find((condition) => condition.type === type);
    const same = old?.status === status && old.reason === reason && old.message === message;
    // A heartbeat would be a write a minute and node for nobody: the lease says that the runtime lives.
    return {
      type,
      status,
      reason,
      message,
      lastHeartbeatTime: (same ? old.lastHeartbeatTime : undefined) ?? input.now,
      lastTransitionTime: (old?.status === status ? old.lastTransitionTime : undefined) ?? input.now,
    };
  });
  const ours = new Set(made.map(({ type }) => type));
  return [...before.filter(({ type }) => !ours.has(type)), ...made];
}

/** The status of a node; conditions of others (the daemon's) stay. */
export function nodeStatus(input: NodeStatusInput): NodeStatus {
  const { spec, machine, images, current } = input;
  const resources = {
    cpu: String(machine.cpus),
    memory: `${Math.floor(machine.memoryBytes / 1024)}Ki`,
    'ephemeral-storage': `${Math.floor(machine.diskBytes / 1024)}Ki`,
    pods: String(PODS_PER_NODE),
  };
  return {
    ...current.status,
    addresses: [
      { type: 'InternalIP', address: spec.address },
      { type: 'Hostname', address: spec.name },
    ],
    capacity: resources,
    allocatable: resources,
    conditions: conditions(input),
    images: images.map(({ name, sizeBytes }): ContainerImage => ({ names: [name], sizeBytes })),
    nodeInfo: {
      architecture: machine.architecture,
      bootID: machine.bootId,
      containerRuntimeVersion: `polarstack://${machine.version}`,
      kernelVersion: machine.kernel,
      kubeProxyVersion: machine.version,
      kubeletVersion: machine.version,
      machineID: machine.machineId,
      operatingSystem: 'linux',
      osImage: machine.osImage,
      systemUUID: machine.machineId,
    },
  };
}

import { GROUP, labels, names } from '@polarstack/api';
import {
  AGENT_PORT_NAME,
  ENGINE_COMMAND,
  ENGINE_CONTAINER,
  ENGINE_PORT_NAME,
  podEnv,
  podPaths,
} from '@polarstack/contracts';
import type { EnvVar, Pod } from 'kubernetes-types/core/v1.js';
import type { ClusterFacts } from '../cluster/facts.ts';
import type { Member } from '../cluster/members.ts';
import type { InstanceResources } from '../cluster/resources.ts';
import { ownedBy, podLabels } from './metadata.ts';

/** Time for a fast stop with its checkpoint, in seconds; what is left after it is killed. */
export const TERMINATION_GRACE_SECONDS = 60;

/** Nodes under maintenance carry this label. Source: the original. */
const MAINTENANCE_LABEL = `${GROUP}/maintainNode`;

/** An instance stays on its node through every trouble: its data is there. Source: facts of the original §5.1. */
const tolerations = ['not-ready', 'unreachable', 'disk-pressure', 'memory-pressure', 'unschedulable'].map((what) => ({
  key: `node.kubernetes.io/${what}`,
  operator: 'Exists',
  effect: 'NoExecute',
}));

/** The pod of an instance: one container that runs the agent under its keeper, on its own volume. */
export function buildPod(facts: ClusterFacts, member: Member, resources: InstanceResources): Pod {
  const { ports } = facts;
  const env: EnvVar[] = [
    { name: podEnv.cluster, value: facts.name },
    { name: podEnv.namespace, value: facts.namespace },
    { name: podEnv.pod, value: member.pod },
    { name: podEnv.podIP, valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } },
    { name: podEnv.nodeName, valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } } },
    { name: podEnv.instanceId, value: member.instanceId },
    { name: podEnv.physicalId, value: member.physicalId },
    { name: podEnv.enginePort, value: String(ports.enginePort) },
    { name: podEnv.agentPort, value: String(ports.agentPort) },
  ];
  // On the host network two instances cannot share a node: they have one port.
  const apart = {
    topologyKey: 'kubernetes.io/hostname',
    labelSelector: { matchLabels: { [labels.clusterName]: facts.name } },
  };
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: ownedBy(facts, member.pod, podLabels(facts, member)),
    spec: {
      restartPolicy: 'Always',
      terminationGracePeriodSeconds: TERMINATION_GRACE_SECONDS,
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      ...(ports.host && { hostNetwork: true, dnsPolicy: 'ClusterFirstWithHostNet' }),
      affinity: {
        nodeAffinity: {
          requiredDuringSchedulingIgnoredDuringExecution: {
            nodeSelectorTerms: [{ matchExpressions: [{ key: MAINTENANCE_LABEL, operator: 'DoesNotExist' }] }],
          },
        },
        podAntiAffinity: ports.host
          ? { requiredDuringSchedulingIgnoredDuringExecution: [apart] }
          : { preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 100, podAffinityTerm: apart }] },
      },
      tolerations,
      containers: [
        {
          name: ENGINE_CONTAINER,
          image: facts.image,
          imagePullPolicy: 'IfNotPresent',
          command: [...ENGINE_COMMAND],
          env,
          ports: [
            { name: ENGINE_PORT_NAME, containerPort: ports.enginePort, protocol: 'TCP' },
            { name: AGENT_PORT_NAME, containerPort: ports.agentPort, protocol: 'TCP' },
          ],
          resources: { limits: { ...resources.limits }, requests: { ...resources.requests } },
          readinessProbe: {
            httpGet: { path: '/readyz', port: AGENT_PORT_NAME, scheme: 'HTTPS' },
            periodSeconds: 1,
            timeoutSeconds: 2,
            failureThreshold: 2,
          },
          volumeMounts: [
            { name: 'data', mountPath: podPaths.data },
            { name: 'tls', mountPath: podPaths.tls, readOnly: true },
            { name: 'replicator', mountPath: podPaths.replicator, readOnly: true },
            { name: 'run', mountPath: podPaths.run },
          ],
        },
      ],
      volumes: [
        { name: 'data', persistentVolumeClaim: { claimName: member.pod } },
        { name: 'tls', secret: { secretName: names.podTls(member.pod), defaultMode: 0o600 } },
        { name: 'replicator', secret: { secretName: names.client(facts.name, 'replicator'), defaultMode: 0o600 } },
        { name: 'run', emptyDir: {} },
      ],
    },
  };
}

/** The pod, to be placed on this node and no other; as it is where none is named. */
export function pinnedTo(pod: Pod, node: string | undefined): Pod {
  if (node === undefined || !pod.spec) return pod;
  const here = { key: 'metadata.name', operator: 'In', values: [node] };
  const { affinity } = pod.spec;
  const required = affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? [{}];
  const nodeSelectorTerms = required.map((term) => ({ ...term, matchFields: [...(term.matchFields ?? []), here] }));
  const nodeAffinity = {
    ...affinity?.nodeAffinity,
    requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms },
  };
  return { ...pod, spec: { ...pod.spec, affinity: { ...affinity, nodeAffinity } } };
}

/** The pod of the cluster manager, and the Secret by which it reaches the API. */
import { createHash } from 'node:crypto';
import { GROUP, STACK_NAMESPACE } from '@polarstack/api';
import type { Pod, Secret } from 'kubernetes-types/core/v1.js';

export const MANAGER_NAME = 'polarstack-cluster-manager';
/** The code and settings that a pod was made with. */
export const CODE_ANNOTATION = `${GROUP}/code`;
const HEALTH_PORT = 8080;

/** It decides who is primary: it stays where it is through every trouble of its node but the node's end. */
const tolerations = ['disk-pressure', 'memory-pressure', 'unschedulable'].map((what) => ({
  key: `node.kubernetes.io/${what}`,
  operator: 'Exists',
}));

export function managerSecret(kubeconfig: string): Secret {
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { namespace: STACK_NAMESPACE, name: MANAGER_NAME },
    type: 'Opaque',
    data: { kubeconfig: Buffer.from(kubeconfig).toString('base64') },
  };
}

/** `bundle`: what the program is made of. Another one, or another kubeconfig, is another pod. */
export function managerPod(bundle: string, kubeconfig: string): Pod {
  const spec: Pod['spec'] = {
    restartPolicy: 'Always',
    terminationGracePeriodSeconds: 10,
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    tolerations,
    containers: [
      {
        name: 'cluster-manager',
        image: 'host',
        // The keeper starts it again at once: a switch under way must not wait for a back-off.
        command: ['polarstack-keeper', MANAGER_NAME],
        env: [
          { name: 'POLARSTACK_POD_IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } },
          { name: 'POLARSTACK_HEALTH_PORT', value: String(HEALTH_PORT) },
        ],
        ports: [{ name: 'health', containerPort: HEALTH_PORT, protocol: 'TCP' }],
        readinessProbe: { httpGet: { path: '/readyz', port: 'health' }, periodSeconds: 5, timeoutSeconds: 2 },
        livenessProbe: { httpGet: { path: '/livez', port: 'health' }, periodSeconds: 10, timeoutSeconds: 5 },
        volumeMounts: [{ name: 'kubeconfig', mountPath: '/etc/polarstack/kubeconfig', readOnly: true }],
      },
    ],
    volumes: [{ name: 'kubeconfig', secret: { secretName: MANAGER_NAME, defaultMode: 0o600 } }],
  };
  const code = createHash('sha256')
    .update(JSON.stringify([bundle, kubeconfig, spec]))
    .digest('hex')
    .slice(0, 12);
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      namespace: STACK_NAMESPACE,
      name: MANAGER_NAME,
      labels: { app: MANAGER_NAME },
      annotations: { [CODE_ANNOTATION]: code },
    },
    spec,
  };
}

import { manifest, pod, type Scenario, template, workload } from './scenario.ts';

const status = (kind: string, name: string, body: object): readonly string[] => [
  'patch',
  kind,
  name,
  '--subresource=status',
  '--type=merge',
  '-p',
  JSON.stringify({ status: body }),
];

const complete = {
  observedGeneration: 1,
  replicas: 1,
  updatedReplicas: 1,
  readyReplicas: 1,
  availableReplicas: 1,
  conditions: [
    {
      type: 'Progressing',
      status: 'True',
      reason: 'NewReplicaSetAvailable',
      lastUpdateTime: '2026-01-01T00:00:00Z',
      lastTransitionTime: '2026-01-01T00:00:00Z',
    },
  ],
};

/** A ReplicaSet as a Deployment's controller would have made it. */
const revision = (name: string, number: number, image: string): object => ({
  apiVersion: 'apps/v1',
  kind: 'ReplicaSet',
  metadata: {
    name,
    labels: { app: 'web', 'pod-template-hash': name },
    annotations: { 'deployment.kubernetes.io/revision': String(number) },
    ownerReferences: [
      { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web', uid: '{uid:deployment/web}', controller: true },
    ],
  },
  spec: {
    replicas: 0,
    selector: { matchLabels: { app: 'web', 'pod-template-hash': name } },
    template: {
      metadata: { labels: { app: 'web', 'pod-template-hash': name } },
      spec: { containers: [{ name: 'main', image }] },
    },
  },
});

export const workloadScenarios: readonly Scenario[] = [
  {
    title: 'rollout',
    steps: [
      { run: 'create -f -', input: manifest(workload('Deployment', 'web')) },
      { run: 'rollout status deployment/web --watch=false' },
      { run: 'rollout status deployment/web --timeout=1s', code: 1, compare: 'code' },
      { run: status('deployment', 'web', complete) },
      'rollout status deployment/web',
      'rollout history deployment/web',
      'rollout pause deployment/web',
      { run: 'rollout pause deployment/web', code: 1 },
      'rollout resume deployment/web',
      { run: 'rollout restart deployment/web' },
      'get deployment web -o=jsonpath={.metadata.generation}',
      { run: 'rollout undo deployment/web', code: 1 },
      {
        run: 'create -f -',
        input: manifest(workload('DaemonSet', 'agent'), workload('StatefulSet', 'db', { serviceName: 'db' })),
      },
      'rollout restart daemonset/agent',
      'rollout restart statefulset/db',
      {
        run: status('daemonset', 'agent', {
          observedGeneration: 2,
          desiredNumberScheduled: 2,
          updatedNumberScheduled: 1,
        }),
      },
      'rollout status daemonset/agent --watch=false',
      'rollout history daemonset/agent',
    ],
  },
  {
    title: 'rollout history of ReplicaSets',
    steps: [
      { run: 'create -f -', input: manifest(workload('Deployment', 'web')) },
      { run: 'create -f -', input: manifest(revision('one', 1, 'first'), revision('two', 2, 'second')) },
      'get replicasets -o=wide',
      'rollout history deployment/web',
      'rollout history deployment/web --revision=2',
      'describe replicaset one',
    ],
  },
  {
    title: 'scale',
    steps: [
      {
        run: 'create -f -',
        input: manifest(workload('Deployment', 'web'), workload('StatefulSet', 'db', { serviceName: 'db' })),
      },
      'scale deployment web --replicas=4',
      'scale statefulset/db --replicas=2',
      { run: 'scale deployment web --replicas=2 --current-replicas=9', code: 1 },
      'scale deployment web --replicas=3 --current-replicas=4',
      'scale deployment web --replicas=9 --dry-run=server',
      { run: 'scale deployment web --replicas=-1', code: 1 },
      { run: 'scale deployment none --replicas=1', code: 1 },
      { run: 'scale configmap none --replicas=1', code: 1 },
      {
        run: 'create -f -',
        input: manifest({
          apiVersion: 'v1',
          kind: 'ReplicationController',
          metadata: { name: 'old' },
          spec: { template },
        }),
      },
      'scale rc/old --replicas=3',
      'get deployments,statefulsets,replicationcontrollers',
      'get all',
    ],
  },
  {
    title: 'describe',
    steps: [
      {
        run: 'create -f -',
        input: manifest(
          workload('Deployment', 'web'),
          workload('StatefulSet', 'db', { serviceName: 'db' }),
          workload('DaemonSet', 'agent'),
          pod('p'),
          {
            apiVersion: 'batch/v1',
            kind: 'CronJob',
            metadata: { name: 'nightly' },
            spec: {
              schedule: '@daily',
              jobTemplate: { spec: { template: { spec: { ...template.spec, restartPolicy: 'Never' } } } },
            },
          },
          {
            apiVersion: 'batch/v1',
            kind: 'Job',
            metadata: { name: 'once' },
            spec: { template: { spec: { ...template.spec, restartPolicy: 'Never' } } },
          },
          {
            apiVersion: 'policy/v1',
            kind: 'PodDisruptionBudget',
            metadata: { name: 'web' },
            spec: { minAvailable: 1, selector: { matchLabels: { app: 'web' } } },
          },
          { apiVersion: 'v1', kind: 'ReplicationController', metadata: { name: 'old' }, spec: { template } },
          { apiVersion: 'v1', kind: 'PodTemplate', metadata: { name: 'mould' }, template },
          { apiVersion: 'apps/v1', kind: 'ControllerRevision', metadata: { name: 'rev' }, revision: 2, data: { a: 1 } },
        ),
      },
      'describe deployment web',
      'describe statefulset db',
      'describe daemonset agent',
      'describe pod p',
      'describe cronjob nightly',
      'describe job once',
      'describe pdb web',
      'describe rc old',
      'describe podtemplate mould',
      'describe controllerrevision rev',
      { run: 'describe deployment none', code: 1 },
      'get all -o=wide',
      'get podtemplates,controllerrevisions',
    ],
  },
  {
    title: 'drain, cordon, taint',
    steps: [
      {
        run: 'create -f -',
        input: manifest(
          { apiVersion: 'v1', kind: 'Node', metadata: { name: 'both-node' } },
          pod('bare', { nodeName: 'both-node' }),
        ),
      },
      'cordon both-node',
      'cordon both-node',
      'get node both-node',
      'uncordon both-node',
      'taint node both-node dedicated=db:NoSchedule',
      { run: 'taint node both-node dedicated=web:NoSchedule', code: 1 },
      'taint node both-node dedicated-',
      { run: 'drain both-node', code: 1 },
      'drain both-node --force --dry-run=server',
      'drain both-node --force --grace-period=0',
      'get pods',
      'get node both-node',
      {
        run: 'create -f -',
        input: manifest(
          {
            apiVersion: 'policy/v1',
            kind: 'PodDisruptionBudget',
            metadata: { name: 'web' },
            spec: { minAvailable: 1, selector: { matchLabels: { app: 'web' } } },
          },
          pod('kept', { nodeName: 'both-node' }),
        ),
      },
      // A budget that was seen: clients would wait ten seconds, and again, for one that was not.
      { run: status('poddisruptionbudget', 'web', { observedGeneration: 1 }) },
      { run: status('pod', 'kept', { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] }) },
      { run: 'drain both-node --force --grace-period=0 --timeout=1s', code: 1, compare: 'code' },
      'get pods',
      'delete pod kept --grace-period=0 --force',
      'delete node both-node',
    ],
  },
];

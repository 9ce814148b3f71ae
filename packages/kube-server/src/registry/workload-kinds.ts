import { budgetStrategy } from '../kinds/budget-strategy.ts';
import { cronJobStrategy } from '../kinds/cron-job-strategy.ts';
import { jobStrategy } from '../kinds/job-strategy.ts';
import { statefulSetStrategy } from '../kinds/stateful-set-strategy.ts';
import {
  controllerRevisionStrategy,
  daemonSetStrategy,
  deploymentStrategy,
  podTemplateStrategy,
  replicaSetStrategy,
  replicationControllerStrategy,
} from '../kinds/workload-strategies.ts';
import type { Kind } from './builtin.ts';

const scale = {
  specReplicasPath: '.spec.replicas',
  statusReplicasPath: '.status.replicas',
  labelSelectorPath: '.spec.selector',
};
const all = ['all'];

/** Kinds that are stored for tools and for other people's controllers: none of ours makes pods from them. */
export const workloadKinds: readonly Kind[] = [
  {
    plural: 'replicationcontrollers',
    kind: 'ReplicationController',
    short: ['rc'],
    categories: all,
    status: true,
    generation: true,
    strategy: replicationControllerStrategy,
    fields: ['status.replicas'],
    scale,
  },
  { plural: 'podtemplates', kind: 'PodTemplate', generation: true, strategy: podTemplateStrategy },
  { group: 'apps', plural: 'controllerrevisions', kind: 'ControllerRevision', strategy: controllerRevisionStrategy },
  {
    group: 'apps',
    plural: 'daemonsets',
    kind: 'DaemonSet',
    short: ['ds'],
    categories: all,
    status: true,
    generation: true,
    strategy: daemonSetStrategy,
  },
  {
    group: 'apps',
    plural: 'deployments',
    kind: 'Deployment',
    short: ['deploy'],
    categories: all,
    status: true,
    generation: true,
    strategy: deploymentStrategy,
    scale,
  },
  {
    group: 'apps',
    plural: 'replicasets',
    kind: 'ReplicaSet',
    short: ['rs'],
    categories: all,
    status: true,
    generation: true,
    strategy: replicaSetStrategy,
    scale,
  },
  {
    group: 'apps',
    plural: 'statefulsets',
    kind: 'StatefulSet',
    short: ['sts'],
    categories: all,
    status: true,
    generation: true,
    strategy: statefulSetStrategy,
    scale,
  },
  {
    group: 'batch',
    plural: 'cronjobs',
    kind: 'CronJob',
    short: ['cj'],
    categories: all,
    status: true,
    generation: true,
    strategy: cronJobStrategy,
  },
  {
    group: 'batch',
    plural: 'jobs',
    kind: 'Job',
    categories: all,
    status: true,
    generation: true,
    strategy: jobStrategy,
    fields: ['status.successful'],
  },
  {
    group: 'policy',
    plural: 'poddisruptionbudgets',
    kind: 'PodDisruptionBudget',
    short: ['pdb'],
    status: true,
    generation: true,
    needsVersion: true,
    strategy: budgetStrategy,
  },
];

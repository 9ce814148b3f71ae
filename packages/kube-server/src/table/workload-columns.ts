/** What `kubectl get` shows of kinds with a pod template. */
import { arrayAt, isObject, type JsonObject, objectAt, stringAt, valueAt } from '../json.ts';
import { isReadableSelector, selectorText } from '../kinds/selector-rules.ts';
import type { Column } from '../registry/definition.ts';
import { age, duration } from './age.ts';
import { ageColumn as customAgeColumn } from './custom-columns.ts';

type Cell = Column['cell'];

const ageColumn: Column = { ...customAgeColumn, type: 'string' };
const column = (name: string, cell: Cell, type = 'string'): Column => ({ name, type, cell });
const wide = (name: string, cell: Cell): Column => ({ name, type: 'string', priority: 1, cell });

const count = (object: Readonly<JsonObject>, ...path: readonly string[]): number =>
  Number(valueAt(object, ...path) ?? 0);
const counted =
  (...path: readonly string[]): Cell =>
  (object) =>
    count(object, ...path);
const desired = column('Desired', counted('spec', 'replicas'), 'integer');
const current = column('Current', counted('status', 'replicas'), 'integer');
const readyCount = column('Ready', counted('status', 'readyReplicas'), 'integer');
const ready = column(
  'Ready',
  (object) => `${count(object, 'status', 'readyReplicas')}/${count(object, 'spec', 'replicas')}`,
);

const spec = ['spec', 'template'] as const;

const each =
  (field: string, path: readonly string[]): Cell =>
  (object) =>
    arrayAt(object, ...path, 'spec', 'containers')
      .map((container) => stringAt(container, field) ?? '')
      .join(',');

const containers = (path: readonly string[] = spec): readonly Column[] => [
  wide('Containers', each('name', path)),
  wide('Images', each('image', path)),
];

/** `a=b,c=d`, or `<none>`. */
const pairs =
  (...path: readonly string[]): Cell =>
  (object) => {
    const found = Object.entries(objectAt(object, ...path) ?? {});
    return found.length === 0
      ? '<none>'
      : found
          .map(([key, value]) => `${key}=${String(value)}`)
          .toSorted()
          .join(',');
  };

const selector =
  (...path: readonly string[]): Cell =>
  (object) => {
    const found = objectAt(object, ...path);
    if (found && !isReadableSelector(found)) return '<error>';
    return found ? selectorText(found) || '<none>' : '<none>';
  };

function jobStatus(job: Readonly<JsonObject>): string {
  const holds = (type: string): boolean =>
    arrayAt(job, 'status', 'conditions').some((c) => valueAt(c, 'type') === type && valueAt(c, 'status') === 'True');
  if (holds('Complete')) return 'Complete';
  if (holds('Failed')) return 'Failed';
  if (valueAt(job, 'metadata', 'deletionTimestamp') !== undefined) return 'Terminating';
  return ['Suspended', 'FailureTarget', 'SuccessCriteriaMet'].find(holds) ?? 'Running';
}

function completions(job: Readonly<JsonObject>): string {
  const done = count(job, 'status', 'succeeded');
  const wanted = valueAt(job, 'spec', 'completions');
  if (wanted !== undefined) return `${done}/${Number(wanted)}`;
  const parallelism = count(job, 'spec', 'parallelism');
  return parallelism > 1 ? `${done}/1 of ${parallelism}` : `${done}/1`;
}

function jobDuration(job: Readonly<JsonObject>, now: Date): string {
  const start = Date.parse(stringAt(job, 'status', 'startTime') ?? '');
  if (Number.isNaN(start)) return '';
  const end = Date.parse(stringAt(job, 'status', 'completionTime') ?? '');
  return duration((Number.isNaN(end) ? now.getTime() : end) - start);
}

function controller(revision: Readonly<JsonObject>): string {
  const owner = arrayAt(revision, 'metadata', 'ownerReferences').find((o) => isObject(o) && o.controller === true);
  if (!owner) return '<none>';
  const [group, version] = (stringAt(owner, 'apiVersion') ?? '').split('/');
  const kind = (stringAt(owner, 'kind') ?? '').toLowerCase();
  return `${kind}${version === undefined ? '' : `.${group}`}/${stringAt(owner, 'name') ?? ''}`;
}

const share =
  (field: string): Cell =>
  (budget) => {
    const value = valueAt(budget, 'spec', field);
    return typeof value === 'number' || typeof value === 'string' ? String(value) : 'N/A';
  };

const jobTemplate = ['spec', 'jobTemplate', 'spec', 'template'];

/** By kind; the name comes before them. */
export const workloadColumns: Readonly<Record<string, readonly Column[]>> = {
  Deployment: [
    ready,
    column('Up-to-date', counted('status', 'updatedReplicas')),
    column('Available', counted('status', 'availableReplicas')),
    ageColumn,
    ...containers(),
    wide('Selector', selector('spec', 'selector')),
  ],
  ReplicaSet: [
    desired,
    current,
    readyCount,
    ageColumn,
    ...containers(),
    wide('Selector', selector('spec', 'selector')),
  ],
  ReplicationController: [
    desired,
    current,
    readyCount,
    ageColumn,
    ...containers(),
    wide('Selector', pairs('spec', 'selector')),
  ],
  StatefulSet: [ready, ageColumn, ...containers()],
  DaemonSet: [
    column('Desired', counted('status', 'desiredNumberScheduled'), 'integer'),
    column('Current', counted('status', 'currentNumberScheduled'), 'integer'),
    column('Ready', counted('status', 'numberReady'), 'integer'),
    column('Up-to-date', counted('status', 'updatedNumberScheduled'), 'integer'),
    column('Available', counted('status', 'numberAvailable'), 'integer'),
    column('Node Selector', pairs('spec', 'template', 'spec', 'nodeSelector')),
    ageColumn,
    ...containers(),
    wide('Selector', selector('spec', 'selector')),
  ],
  ControllerRevision: [column('Controller', controller), column('Revision', counted('revision')), ageColumn],
  Job: [
    column('Status', jobStatus),
    column('Completions', completions),
    column('Duration', jobDuration),
    ageColumn,
    ...containers(),
    wide('Selector', selector('spec', 'selector')),
  ],
  CronJob: [
    column('Schedule', (job) => stringAt(job, 'spec', 'schedule') ?? ''),
    column('Timezone', (job) => stringAt(job, 'spec', 'timeZone') ?? '<none>'),
    column('Suspend', (job) => (valueAt(job, 'spec', 'suspend') === true ? 'True' : 'False'), 'boolean'),
    column('Active', (job) => arrayAt(job, 'status', 'active').length, 'integer'),
    column('Last Schedule', (job, now) => {
      const last = stringAt(job, 'status', 'lastScheduleTime');
      return last === undefined ? '<none>' : age(last, now);
    }),
    ageColumn,
    ...containers(jobTemplate),
    wide('Selector', selector('spec', 'jobTemplate', 'spec', 'selector')),
  ],
  PodDisruptionBudget: [
    column('Min Available', share('minAvailable')),
    column('Max Unavailable', share('maxUnavailable')),
    column('Allowed Disruptions', counted('status', 'disruptionsAllowed'), 'integer'),
    ageColumn,
  ],
  PodTemplate: [
    column('Containers', each('name', ['template'])),
    column('Images', each('image', ['template'])),
    column('Pod Labels', pairs('template', 'metadata', 'labels')),
  ],
};

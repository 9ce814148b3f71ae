import { arrayAt, isObject, type JsonObject, objectAt, stringAt, valueAt } from '../json.ts';
import type { Column } from '../registry/definition.ts';
import { duration } from './age.ts';
import { ageColumn, nameColumn } from './custom-columns.ts';

function statuses(pod: Readonly<JsonObject>, field: string): readonly JsonObject[] {
  return arrayAt(pod, 'status', field).filter(isObject);
}

function condition(pod: Readonly<JsonObject>, type: string): JsonObject | undefined {
  return arrayAt(pod, 'status', 'conditions')
    .filter(isObject)
    .find((c) => c.type === type);
}

function endedReason(terminated: JsonObject): string {
  const reason = stringAt(terminated, 'reason') ?? '';
  if (reason !== '') return reason;
  const signal = valueAt(terminated, 'signal');
  return typeof signal === 'number' && signal !== 0
    ? `Signal:${signal}`
    : `ExitCode:${Number(terminated.exitCode ?? 0)}`;
}

/** `Init:1/2`, `Init:Error`...: undefined once all init containers are done. */
function initReason(pod: Readonly<JsonObject>): string | undefined {
  const inits = statuses(pod, 'initContainerStatuses');
  const total = arrayAt(pod, 'spec', 'initContainers').length;
  for (const [i, status] of inits.entries()) {
    const terminated = objectAt(status, 'state', 'terminated');
    if (terminated && Number(terminated.exitCode ?? 0) === 0) continue;
    if (terminated) return `Init:${endedReason(terminated)}`;
    const waiting = stringAt(status, 'state', 'waiting', 'reason') ?? '';
    return waiting !== '' && waiting !== 'PodInitializing' ? `Init:${waiting}` : `Init:${i}/${total}`;
  }
  return undefined;
}

function mainReason(pod: Readonly<JsonObject>, fallback: string): string {
  let reason = fallback;
  let isRunning = false;
  for (const status of [...statuses(pod, 'containerStatuses')].reverse()) {
    const waiting = stringAt(status, 'state', 'waiting', 'reason') ?? '';
    const terminated = objectAt(status, 'state', 'terminated');
    if (waiting !== '') reason = waiting;
    else if (terminated) reason = endedReason(terminated);
    else if (status.ready === true && objectAt(status, 'state', 'running')) isRunning = true;
  }
  if (reason !== 'Completed' || !isRunning) return reason;
  return condition(pod, 'Ready')?.status === 'True' ? 'Running' : 'NotReady';
}

/** The word in the STATUS column. */
export function podStatus(pod: Readonly<JsonObject>): string {
  const phase = stringAt(pod, 'status', 'reason') ?? stringAt(pod, 'status', 'phase') ?? 'Unknown';
  const scheduled = condition(pod, 'PodScheduled');
  const gated = scheduled?.status === 'False' && scheduled.reason === 'SchedulingGated' ? 'SchedulingGated' : phase;
  const reason = initReason(pod) ?? mainReason(pod, gated);
  if (valueAt(pod, 'metadata', 'deletionTimestamp') === undefined) return reason;
  return phase === 'NodeLost' ? 'Unknown' : 'Terminating';
}

function ready(pod: Readonly<JsonObject>): string {
  const count = statuses(pod, 'containerStatuses').filter(
    (s) => s.ready === true && objectAt(s, 'state', 'running'),
  ).length;
  return `${count}/${arrayAt(pod, 'spec', 'containers').length}`;
}

function restarts(pod: Readonly<JsonObject>, now: Date): string {
  const all = statuses(pod, initReason(pod) === undefined ? 'containerStatuses' : 'initContainerStatuses');
  const total = all.reduce((sum, status) => sum + Number(status.restartCount ?? 0), 0);
  const ends = all.map((s) => Date.parse(stringAt(s, 'lastState', 'terminated', 'finishedAt') ?? ''));
  const last = Math.max(...ends.filter((at) => !Number.isNaN(at)));
  return total === 0 || !Number.isFinite(last) ? String(total) : `${total} (${duration(now.getTime() - last)} ago)`;
}

const orNone = (value: string | undefined): string => (value === undefined || value === '' ? '<none>' : value);

export const podColumns: readonly Column[] = [
  nameColumn,
  { name: 'Ready', type: 'string', description: 'Containers that are ready, of all.', cell: ready },
  { name: 'Status', type: 'string', description: 'What the pod is doing, in a word.', cell: podStatus },
  { name: 'Restarts', type: 'string', description: 'How often its containers were started again.', cell: restarts },
  ageColumn,
  { name: 'IP', type: 'string', priority: 1, cell: (pod) => orNone(stringAt(pod, 'status', 'podIP')) },
  { name: 'Node', type: 'string', priority: 1, cell: (pod) => orNone(stringAt(pod, 'spec', 'nodeName')) },
  {
    name: 'Nominated Node',
    type: 'string',
    priority: 1,
    cell: (pod) => orNone(stringAt(pod, 'status', 'nominatedNodeName')),
  },
  {
    name: 'Readiness Gates',
    type: 'string',
    priority: 1,
    cell: (pod) => {
      const gates = arrayAt(pod, 'spec', 'readinessGates').map((gate) => stringAt(gate, 'conditionType') ?? '');
      if (gates.length === 0) return '<none>';
      return `${gates.filter((type) => condition(pod, type)?.status === 'True').length}/${gates.length}`;
    },
  },
];

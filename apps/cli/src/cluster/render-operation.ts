import type { MPDOperation } from '@polarstack/api';
import type { Colors } from '../output/colors.ts';
import { stateCell } from '../output/colors.ts';
import { renderTable } from '../output/table.ts';
import { age } from '../output/values.ts';
import { renderSteps } from './render-operations.ts';

/** All that a person wants to know of one operation. */
export function renderOperation(operation: MPDOperation, colors: Colors, now: Date): string {
  const { metadata, spec, status = {} } = operation;
  const lines: (readonly [string, string])[] = [
    ['operation', `${metadata.namespace}/${metadata.name}`],
    ['cluster', spec.cluster],
    ['type', `${spec.type}${parametersOf(spec.parameters)}`],
    ['phase', paintedPhase(status.phase ?? 'Pending', colors)],
    ['asked', `${age(metadata.creationTimestamp, now)} ago by ${spec.requester || 'somebody'}: ${spec.reason || '-'}`],
  ];
  if (spec.approval?.required) {
    const { approved, approver } = spec.approval;
    lines.push(['approval', approved ? `approved${approver ? ` by ${approver}` : ''}` : 'is needed']);
  }
  if (status.startedAt) lines.push(['began', status.startedAt]);
  if (status.finishedAt) lines.push(['ended', status.finishedAt]);
  if (status.message) lines.push(['message', status.message]);
  if (status.error) {
    lines.push(['error', colors.bad(`${status.error.code}: ${status.error.message ?? ''}`)]);
    if (status.error.remedy) lines.push(['remedy', status.error.remedy]);
  }
  const steered = status.conditions?.find(({ type }) => type === 'Steered');
  if (steered) lines.push(['steered', `${steered.reason ?? ''}: ${steered.message ?? ''}`]);
  const head = lines.map(([name, text]) => `${`${name}:`.padEnd(14)}${text}\n`).join('');
  return head + consequences(operation) + body(operation, colors);
}

const paintedPhase = (phase: string, colors: Colors): string => {
  const cell = stateCell(colors, phase);
  return typeof cell === 'string' ? cell : cell.paint(cell.text);
};

function parametersOf(parameters: unknown): string {
  if (typeof parameters !== 'object' || parameters === null) return '';
  return Object.entries(parameters)
    .map(([name, value]) => ` ${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`)
    .join('');
}

function consequences({ status }: MPDOperation): string {
  const { restarts = [], moves = [], writePauses = [], risks = [] } = status?.consequences ?? {};
  const rows: readonly (readonly [string, readonly string[]])[] = [
    ['restarts', restarts],
    ['moves', moves.map(({ instance, from = '?', to = '?' }) => `${instance} ${from} to ${to}`)],
    ['write pauses', writePauses.map(({ reason, expectedMs }) => `about ${expectedMs} ms: ${reason}`)],
    ['risks', risks],
  ];
  return rows
    .filter(([, values]) => values.length > 0)
    .map(([name, values]) => `${`${name}:`.padEnd(14)}${values.join(name === 'restarts' ? ', ' : '; ')}\n`)
    .join('');
}

/** Its steps; before it begins those of the plan. */
function body(operation: MPDOperation, colors: Colors): string {
  const { steps = [], plan = [] } = operation.status ?? {};
  if (steps.length > 0) return `\n${renderSteps(operation, colors)}`;
  if (plan.length === 0) return '';
  const rows = plan.map(({ step, description = '', interrupts = '-' }, i) => [
    String(i + 1),
    step,
    description,
    interrupts,
  ]);
  return `\n${renderTable(['', 'PLANNED STEP', 'WHAT IT DOES', 'WHAT USERS NOTICE'], rows)}`;
}

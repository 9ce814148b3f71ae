import type { MPDOperation, OperationStep } from '@polarstack/api';
import { currentOperation, isFinal } from '../plan/plan-operation.ts';
import type { WhyFact } from './why.ts';

/** How long the end of an operation is news, in milliseconds. */
const NEWS_MS = 24 * 3_600_000;

const nameOf = ({ metadata }: MPDOperation): string => metadata.name ?? '';
const title = (operation: MPDOperation): string => `${operation.spec.type} (${nameOf(operation)})`;

/** The step that an operation is at: the first that has not ended well. */
export function currentStepOf({ status }: MPDOperation): OperationStep | undefined {
  return status?.steps?.find(({ state }) => state !== 'Succeeded' && state !== 'Skipped' && state !== 'Undone');
}

function atStep(operation: MPDOperation): string {
  const step = currentStepOf(operation);
  if (!step) return '';
  const steps = operation.status?.steps ?? [];
  return ` at step ${steps.indexOf(step) + 1}/${steps.length} ${step.name}`;
}

/** Operations that have not ended: the one that holds the cluster first, then those that wait for it. */
export function operationFacts(operations: readonly MPDOperation[], now: Date): readonly WhyFact[] {
  const current = currentOperation(operations);
  if (!current) return [];
  const waiting = operations
    .filter((operation) => !isFinal(operation) && operation !== current)
    .sort((a, b) => ((a.metadata.creationTimestamp ?? '') < (b.metadata.creationTimestamp ?? '') ? -1 : 1));
  return [factOf(current, now), ...waiting.map((operation) => queued(operation, current, now))];
}

function factOf(operation: MPDOperation, now: Date): WhyFact {
  const { status } = operation;
  const name = nameOf(operation);
  const about = { subject: title(operation), operation: name } as const;
  const step = currentStepOf(operation);
  switch (status?.phase) {
    case 'Interrupted': {
      const error = step?.error ?? status.error;
      const code = error?.code;
      const since = step?.finishedAt ?? step?.startedAt ?? operation.metadata.creationTimestamp;
      const said = error?.message ?? status.message ?? 'no reason is recorded';
      const remedy = (error?.remedy ?? 'Look at the message').replace(/[.\s]+$/, '');
      // Half a deletion is nothing to stop at.
      const orCancel = operation.spec.type === 'Delete' ? '' : `, or \`operation cancel ${name}\``;
      return {
        ...about,
        level: 'wrong',
        what: `${title(operation)} stopped${atStep(operation)}${code ? ` with ${code}` : ''}: ${said}`,
        ...(since && { since }),
        ...(code && { code }),
        help: `${remedy}; then \`polarstack operation resume ${name}\`${orCancel}`,
      };
    }
    case 'Running':
    case 'Waiting': {
      const since = status.startedAt ?? operation.metadata.creationTimestamp;
      const undoing = status.undoing ? ' (being undone)' : '';
      const again = step?.error
        ? `, attempt ${step.attempts} after ${step.error.code}: ${step.error.message ?? ''}`
        : '';
      const doing = again === '' && step?.message ? `: ${step.message}` : again;
      return {
        ...about,
        level: 'busy',
        what: `${title(operation)} is under way${undoing}${atStep(operation)}${doing}`,
        ...(since && { since }),
        ...(step?.error?.code && { code: step.error.code }),
        ...(step?.error?.remedy && { help: step.error.remedy }),
      };
    }
    case 'Paused': {
      const since = operation.metadata.creationTimestamp;
      const help = `\`polarstack operation resume ${name}\` lets it go on`;
      const what = `${title(operation)} is paused${atStep(operation)}`;
      return { ...about, level: 'waits', what, ...(since && { since }), help };
    }
    case 'Pending':
    // Those that have ended are told elsewhere.
    case 'Succeeded':
    case 'Failed':
    case 'Cancelled':
    case undefined:
      return pending(operation, now);
  }
}

/** One that has not begun, whatever it waits for. */
function pending(operation: MPDOperation, now: Date): WhyFact {
  const { spec, status, metadata } = operation;
  const name = nameOf(operation);
  const about = { subject: title(operation), operation: name, level: 'waits' } as const;
  const since = metadata.creationTimestamp;
  if (spec.approval?.required && !spec.approval.approved) {
    const help = `\`polarstack operation show ${name}\` shows the plan, \`polarstack operation approve ${name}\` lets it begin`;
    return { ...about, what: `${title(operation)} waits for approval`, ...(since && { since }), help };
  }
  if (spec.startAt !== undefined && Date.parse(spec.startAt) > now.getTime()) {
    const what = `${title(operation)} begins at ${spec.startAt}`;
    return { ...about, what, ...(since && { since }), help: 'Wait, or cancel it and ask again' };
  }
  const said = status?.message ?? 'has not begun yet';
  return { ...about, what: `${title(operation)}: ${said}`, ...(since && { since }) };
}

function queued(operation: MPDOperation, current: MPDOperation, now: Date): WhyFact {
  const fact = pending(operation, now);
  const { spec } = operation;
  if (spec.approval?.required && !spec.approval.approved) return fact;
  return { ...fact, what: `${title(operation)} waits for ${title(current)}` };
}

/** The operation that ended last, where it ended badly and lately, and nothing after it went well. */
export function endedFacts(operations: readonly MPDOperation[], now: Date): readonly WhyFact[] {
  const ended = operations
    .filter(isFinal)
    .sort((a, b) => ((a.status?.finishedAt ?? '') < (b.status?.finishedAt ?? '') ? -1 : 1))
    .at(-1);
  const { phase, finishedAt, error, message, workflow } = ended?.status ?? {};
  if (!ended || phase === 'Succeeded' || finishedAt === undefined) return [];
  if (now.getTime() - Date.parse(finishedAt) > NEWS_MS) return [];
  const how = phase === 'Cancelled' ? 'was cancelled' : workflow === undefined ? 'was refused' : 'failed';
  const said = error?.message ?? message;
  return [
    {
      level: 'note',
      subject: title(ended),
      operation: nameOf(ended),
      what: `${title(ended)} ${how}${error?.code ? ` with ${error.code}` : ''}${said ? `: ${said}` : ''}`,
      since: finishedAt,
      ...(error?.code && { code: error.code }),
      ...(error?.remedy && { help: error.remedy }),
    },
  ];
}

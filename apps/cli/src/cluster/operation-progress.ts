/**
 * What a person sees of an operation under way: each step as it begins, fails an attempt and ends, once.
 */
import type { MPDOperation, OperationStep } from '@polarstack/api';

/** A line to show; `step` lines replace each other on a terminal until the step has ended. */
export interface ProgressLine {
  readonly kind: 'running' | 'done' | 'failed' | 'note';
  readonly text: string;
}

/** Remembers what was shown, and says what is new in the next state of the operation. */
export function createOperationProgress(): (operation: MPDOperation) => readonly ProgressLine[] {
  const shown = new Map<string, string>();
  return (operation) =>
    (operation.status?.steps ?? []).flatMap((step): readonly ProgressLine[] => {
      const line = lineOf(step);
      if (line === undefined || shown.get(step.name) === `${line.kind} ${line.text}`) return [];
      shown.set(step.name, `${line.kind} ${line.text}`);
      return [line];
    });
}

function lineOf(step: OperationStep): ProgressLine | undefined {
  const { name, state, attempts, error, message } = step;
  switch (state) {
    case 'Pending':
      return undefined;
    case 'Running':
    case 'Waiting': {
      const why = error === undefined ? (message ?? '') : `attempt ${attempts}: ${error.message ?? error.code}`;
      return { kind: 'running', text: why === '' ? name : `${name}  ${why}` };
    }
    case 'Succeeded':
      return { kind: 'done', text: `${name}${duration(step)}` };
    case 'Failed':
      return { kind: 'failed', text: `${name}  ${error?.message ?? error?.code ?? message ?? ''}`.trimEnd() };
    case 'Skipped':
      return { kind: 'note', text: `${name}  skipped` };
    case 'Undone':
      return { kind: 'note', text: `${name}  undone` };
  }
}

function duration({ startedAt, finishedAt }: OperationStep): string {
  const ms = Date.parse(finishedAt ?? '') - Date.parse(startedAt ?? '');
  return Number.isFinite(ms) && ms >= 0 ? `  ${(ms / 1000).toFixed(1)} s` : '';
}

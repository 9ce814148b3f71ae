import type { MPDOperation } from '@polarstack/api';
import { type Colors, stateCell } from '../output/colors.ts';
import { renderTable } from '../output/table.ts';
import { age } from '../output/values.ts';

/** The oldest first. */
export function sortOperations(operations: readonly MPDOperation[]): readonly MPDOperation[] {
  const key = ({ metadata }: MPDOperation): string =>
    `${metadata.creationTimestamp}/${metadata.namespace}/${metadata.name}`;
  return [...operations].sort((a, b) => (key(a) < key(b) ? -1 : 1));
}

export function renderOperations(operations: readonly MPDOperation[], colors: Colors, now: Date): string {
  return renderTable(
    ['NAMESPACE', 'OPERATION', 'CLUSTER', 'TYPE', 'PHASE', 'STEP', 'AGE', 'MESSAGE'],
    operations.map(({ metadata, spec, status }) => [
      metadata.namespace ?? '',
      metadata.name ?? '',
      spec.cluster,
      spec.type,
      stateCell(colors, status?.phase ?? 'Pending'),
      status?.currentStep || '-',
      age(metadata.creationTimestamp, now),
      status?.error?.message ?? status?.message ?? '',
    ]),
  );
}

/** Each step of one operation. */
export function renderSteps({ status }: MPDOperation, colors: Colors): string {
  const took = (from?: string, to?: string): string => {
    const ms = Date.parse(to ?? '') - Date.parse(from ?? '');
    return Number.isFinite(ms) && ms >= 0 ? `${(ms / 1000).toFixed(2)} s` : '-';
  };
  return renderTable(
    ['STEP', 'STATE', 'ATTEMPTS', 'TOOK', 'MESSAGE'],
    (status?.steps ?? []).map(({ name, state, attempts, startedAt, finishedAt, message, error }) => [
      name,
      stateCell(colors, state),
      String(attempts),
      took(startedAt, finishedAt),
      error?.message ?? message ?? '',
    ]),
  );
}

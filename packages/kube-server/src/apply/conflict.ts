import { failure } from '../http/status.ts';
import { type FieldSet, isEmptySet, isMember, pathText, SELF } from './field-set.ts';
import type { ManagedEntry } from './managed-fields.ts';

/** Fields that another manager owns and that an applier would change. */
export interface Conflict {
  readonly owner: ManagedEntry;
  readonly fields: FieldSet;
}

function managerText({ name, operation, subresource, apiVersion }: ManagedEntry, shownVersion?: string): string {
  const via = subresource === undefined ? '' : ` with subresource ${JSON.stringify(subresource)}`;
  return `${JSON.stringify(name)}${via}${operation === 'Update' ? ` using ${shownVersion ?? apiVersion}` : ''}`;
}

/** Members of one level come before what is below them, as Kubernetes lists them. */
function fieldsOf(set: FieldSet, path: readonly string[] = []): readonly string[] {
  const elements = Object.keys(set)
    .filter((element) => element !== SELF)
    .sort();
  return [
    ...elements.filter((element) => isMember(set[element])).map((element) => pathText([...path, element])),
    ...elements.flatMap((element) => fieldsOf(set[element] ?? {}, [...path, element])),
  ];
}

/** 409 with one cause for each field. */
export function conflictError(found: readonly Conflict[], shownVersion?: string): Error {
  const groups = found
    .filter(({ fields }) => !isEmptySet(fields))
    .map(({ owner, fields }) => ({ manager: managerText(owner, shownVersion), fields: fieldsOf(fields) }))
    .sort((a, b) => (a.manager < b.manager ? -1 : 1));
  const causes = groups.flatMap(({ manager, fields }) =>
    fields.map((field) => ({ reason: 'FieldManagerConflict', message: `conflict with ${manager}`, field })),
  );
  const [first] = causes;
  const text =
    causes.length === 1 && first
      ? `1 conflict: ${first.message}: ${first.field}`
      : `${causes.length} conflicts: ${groups
          .map(({ manager, fields }) =>
            [`conflicts with ${manager}:`, ...fields.map((field) => `- ${field}`)].join('\n'),
          )
          .join('\n')}`;
  return failure(409, 'Conflict', `Apply failed with ${text}`, { causes });
}

import type { Column } from '../registry/definition.ts';
import { ageColumn, nameColumn } from './custom-columns.ts';

/** The columns of a built-in kind. */
export function builtinColumns(_kind: string, _group: string): readonly Column[] {
  return [nameColumn, ageColumn];
}

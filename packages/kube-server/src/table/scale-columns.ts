import { valueAt } from '../json.ts';
import type { Column } from '../registry/definition.ts';
import { ageColumn, nameColumn } from './custom-columns.ts';

const count = (name: string, ...path: readonly string[]): Column => ({
  name,
  type: 'integer',
  cell: (scale) => Number(valueAt(scale, ...path) ?? 0),
});

/** What `kubectl get --subresource=scale` shows. */
export const scaleColumns: readonly Column[] = [
  nameColumn,
  count('Desired', 'spec', 'replicas'),
  count('Available', 'status', 'replicas'),
  { ...ageColumn, type: 'string' },
];

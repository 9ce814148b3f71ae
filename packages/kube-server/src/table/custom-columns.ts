import { isObject, type JsonObject, stringAt } from '../json.ts';
import type { Column } from '../registry/definition.ts';
import { age, duration } from './age.ts';
import { compileJsonPath } from './json-path.ts';

export const nameColumn: Column = {
  name: 'Name',
  type: 'string',
  format: 'name',
  description: 'Unique among the objects of this kind in its namespace.',
  cell: (object) => stringAt(object, 'metadata', 'name') ?? '',
};

export const ageColumn: Column = {
  name: 'Age',
  type: 'date',
  description: 'How long ago the object was created.',
  cell: (object, now) => age(stringAt(object, 'metadata', 'creationTimestamp'), now),
};

function shown(value: unknown, type: string, now: Date): unknown {
  switch (type) {
    case 'integer':
      return typeof value === 'number' ? Math.trunc(value) : null;
    case 'number':
      return typeof value === 'number' ? value : null;
    case 'boolean':
      return typeof value === 'boolean' ? value : null;
    case 'date':
      return typeof value === 'string' && !Number.isNaN(Date.parse(value))
        ? duration(now.getTime() - Date.parse(value))
        : '<invalid>';
    default:
      return typeof value === 'string' ? value : JSON.stringify(value);
  }
}

function customColumn(declared: JsonObject): Column {
  const type = stringAt(declared, 'type') ?? 'string';
  const find = compileJsonPath(stringAt(declared, 'jsonPath') ?? '');
  return {
    name: stringAt(declared, 'name') ?? '',
    type,
    format: stringAt(declared, 'format') ?? '',
    description: stringAt(declared, 'description') ?? '',
    priority: typeof declared.priority === 'number' ? declared.priority : 0,
    cell: (object, now) => {
      const values = find(object);
      if (values.length === 0 || values[0] === null) return null;
      return shown(values[0], type, now); // of several values the first, as Kubernetes does
    },
  };
}

/** The columns of a custom resource: its name and what the definition asks for; by default its age. */
export function customColumns(declared: readonly unknown[]): readonly Column[] {
  return declared.length === 0
    ? [nameColumn, ageColumn]
    : [nameColumn, ...declared.filter(isObject).map((column) => customColumn(column))];
}

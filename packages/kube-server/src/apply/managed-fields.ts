/** `metadata.managedFields`: its entries as the server works with them, and as they are stored and shown. */
import { equalJson, isObject, type JsonObject, stringAt } from '../json.ts';
import { equalSets, type FieldSet, isEmptySet, union } from './field-set.ts';

/** Who writes, and by which way. */
export interface Manager {
  readonly name: string;
  readonly operation: 'Apply' | 'Update';
  /** Such as `status`; undefined for the resource itself. */
  readonly subresource?: string;
}

export interface ManagedEntry extends Manager {
  readonly apiVersion: string;
  readonly time?: string;
  readonly fields: FieldSet;
}

/** More updaters than these are joined into one entry, oldest first, as Kubernetes does. */
const MAX_UPDATERS = 10;
const ANCIENT = 'ancient-changes';

/** Whether an entry is this manager's own: appliers are one across versions, updaters are not. */
export function isOwn(entry: ManagedEntry, manager: Manager, apiVersion: string): boolean {
  return (
    entry.name === manager.name &&
    entry.operation === manager.operation &&
    entry.subresource === manager.subresource &&
    (entry.operation === 'Apply' || entry.apiVersion === apiVersion)
  );
}

/** The entries of a stored or sent list; undefined when it is not one. */
export function readEntries(value: unknown): readonly ManagedEntry[] | undefined {
  if (!Array.isArray(value)) return undefined;
  const entries: ManagedEntry[] = [];
  for (const item of value) {
    const entry = readEntry(item);
    if (!entry) return undefined;
    entries.push(entry);
  }
  return entries;
}

function readEntry(item: unknown): ManagedEntry | undefined {
  const operation = stringAt(item, 'operation');
  if (!isObject(item) || (operation !== 'Apply' && operation !== 'Update')) return undefined;
  const fields = item.fieldsV1 ?? {};
  if ((item.fieldsType !== undefined && item.fieldsType !== 'FieldsV1') || !isFieldSet(fields)) return undefined;
  const time = stringAt(item, 'time');
  const subresource = stringAt(item, 'subresource') ?? '';
  return {
    name: stringAt(item, 'manager') ?? '',
    operation,
    apiVersion: stringAt(item, 'apiVersion') ?? '',
    ...(time === undefined ? {} : { time }),
    ...(subresource === '' ? {} : { subresource }),
    fields,
  };
}

function isFieldSet(value: unknown): value is FieldSet {
  if (!isObject(value)) return false;
  for (const element in value) {
    if (element !== '.' && !/^[fkvi]:/.test(element)) return false;
    if (element.startsWith('k:') && !isKey(element.slice(2))) return false;
    if (!isFieldSet(value[element])) return false;
  }
  return true;
}

function isKey(text: string): boolean {
  try {
    return isObject(JSON.parse(text));
  } catch {
    return false; // what is no JSON names no item
  }
}

/** The stored form: appliers first, then by time and name; entries without fields are left out. */
export function writeEntries(entries: readonly ManagedEntry[]): readonly JsonObject[] {
  return cap(entries.filter((entry) => !isEmptySet(entry.fields)))
    .toSorted(byOrder)
    .map((entry) => ({
      manager: entry.name,
      operation: entry.operation,
      apiVersion: entry.apiVersion,
      ...(entry.time === undefined ? {} : { time: entry.time }),
      fieldsType: 'FieldsV1',
      fieldsV1: entry.fields,
      ...(entry.subresource === undefined ? {} : { subresource: entry.subresource }),
    }));
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

function byOrder(a: ManagedEntry, b: ManagedEntry): number {
  return (
    compare(a.operation, b.operation) ||
    compare(a.time ?? '', b.time ?? '') ||
    compare(a.name, b.name) ||
    compare(a.apiVersion, b.apiVersion) ||
    compare(a.subresource ?? '', b.subresource ?? '')
  );
}

function cap(entries: readonly ManagedEntry[]): readonly ManagedEntry[] {
  const updaters = entries.filter((entry) => entry.operation === 'Update');
  if (updaters.length <= MAX_UPDATERS) return entries;
  const oldest = new Set(updaters.toSorted(byOrder).slice(0, updaters.length - MAX_UPDATERS + 1));
  const joined = new Map<string, ManagedEntry>();
  for (const entry of oldest) {
    const before = joined.get(entry.apiVersion);
    const { subresource: _subresource, ...rest } = entry;
    joined.set(entry.apiVersion, {
      ...rest,
      name: ANCIENT,
      fields: before ? union(before.fields, entry.fields) : entry.fields,
    });
  }
  return [...entries.filter((entry) => !oldest.has(entry)), ...joined.values()];
}

/** Whether two stored lists differ in nothing but times. */
export function equalButTimes(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  const [first, second] = [readEntries(a ?? []), readEntries(b ?? [])];
  if (!first || !second || first.length !== second.length) return false;
  return first.every((entry) => {
    const { fields, time: _time, ...rest } = entry;
    return second.some(({ fields: others, time: _otherTime, ...other }) => {
      return equalJson(rest, other) && equalSets(fields, others);
    });
  });
}

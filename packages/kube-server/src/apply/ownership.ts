/**
 * Who owns which fields of an object, and how a write changes that.
 *
 * - O1 An update gives its manager what it changed and takes that from everybody else; nobody owns what is gone.
 * - O2 After an apply, the applier owns exactly the fields of its configuration.
 * - O3 An apply that would change what another manager owns is refused with all conflicts, unless it is forced: then
 *   the others lose those fields. Fields applied with the value that they have are owned together.
 * - O4 A field that an applier no longer applies goes if nobody else owns it (prune.ts).
 * - O5 The time of an entry moves only when the entry's manager changed something. Who applies what the object has
 *   already owns it without a time.
 * - O6 What the server keeps (names, versions, times of the object) is owned by nobody.
 */
import type { JsonObject } from '../json.ts';
import type { Schema } from '../schema/schema.ts';
import { type Comparison, compareMaps } from './compare.ts';
import { type Conflict, conflictError } from './conflict.ts';
import { difference, equalSets, type FieldSet, intersection, isEmptySet, LEAF, union } from './field-set.ts';
import { fieldsOf } from './fields-of.ts';
import { isOwn, type ManagedEntry, type Manager } from './managed-fields.ts';
import { mergeInto } from './merge.ts';
import { prune } from './prune.ts';

/** A write by one manager. */
export interface Writing {
  readonly manager: Manager;
  readonly apiVersion: string;
  /** Seconds precision, as Kubernetes writes times; undefined for writes that carry none there. */
  readonly time: string | undefined;
  /** Leaves out what nobody can own (O6) or what this way of writing cannot change. */
  readonly ownable: (fields: FieldSet) => FieldSet;
}

/** O1. Answers the same list where nothing changes. */
export function afterUpdate(
  entries: readonly ManagedEntry[],
  { manager, apiVersion, time, ownable }: Writing,
  comparison: Comparison,
): readonly ManagedEntry[] {
  const changed = ownable(comparison.changed);
  const removed = ownable(comparison.removed);
  if (isEmptySet(changed) && isEmptySet(removed)) return entries;
  let isNew = true;
  const result = entries.map((entry) => {
    if (!isOwn(entry, manager, apiVersion)) return less(entry, union(changed, removed));
    isNew = false;
    const fields = union(difference(entry.fields, removed), changed);
    return { ...entry, fields, ...(isEmptySet(changed) ? {} : timed(time)) };
  });
  return isNew ? [...result, { ...manager, apiVersion, ...timed(time), fields: changed }] : result;
}

const timed = (time: string | undefined) => (time === undefined ? {} : { time });

function less(entry: ManagedEntry, fields: FieldSet): ManagedEntry {
  if (isEmptySet(intersection(entry.fields, fields))) return entry;
  return { ...entry, fields: difference(entry.fields, fields) };
}

export interface Applied {
  readonly object: JsonObject;
  readonly entries: readonly ManagedEntry[];
}

export interface ApplyOptions {
  readonly force: boolean;
  /** The version to name in conflicts, where the configuration is of another kind than the object. */
  readonly shownVersion?: string;
  /** Conflicts on these fields are settled in favour of the configuration. */
  readonly tolerated: FieldSet;
}

/** O2 to O5. `live` and `config` come without managedFields; the answer shares parts with both. Throws 409. */
export function applyConfig(
  schema: Schema,
  live: Readonly<JsonObject>,
  config: Readonly<JsonObject>,
  entries: readonly ManagedEntry[],
  writing: Writing,
  { force, tolerated, shownVersion }: ApplyOptions,
): Applied {
  const { manager, apiVersion, time, ownable } = writing;
  const own = entries.find((entry) => isOwn(entry, manager, apiVersion));
  const others = entries.filter((entry) => entry !== own);
  const fields = ownable(fieldsOf(schema, config));
  const merged = mergeInto(schema, live, config) as JsonObject;
  const owned = others.reduce((sum, entry) => union(sum, entry.fields), fields);
  const object = prune(schema, merged, own?.fields ?? LEAF, owned);
  const comparison = compareMaps(schema, live, object);
  const changed = ownable(comparison.changed);
  const removed = ownable(comparison.removed);
  const conflicts: readonly Conflict[] = others
    .map((owner) => ({ owner, fields: intersection(owner.fields, changed) }))
    .filter((conflict) => !isEmptySet(conflict.fields));
  if (!force) {
    const open = conflicts
      .map((conflict) => ({ ...conflict, fields: difference(conflict.fields, tolerated) }))
      .filter((conflict) => !isEmptySet(conflict.fields));
    if (open.length > 0) throw conflictError(open, shownVersion);
  }
  const left = others.map((entry) => less(entry, union(changed, removed)));
  const isUnchanged = isEmptySet(comparison.changed) && isEmptySet(comparison.removed);
  if (own && isUnchanged && equalSets(own.fields, fields)) return { object, entries: [...left, own] };
  return { object, entries: [...left, { ...manager, apiVersion, ...timed(isUnchanged ? own?.time : time), fields }] };
}

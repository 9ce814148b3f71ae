/**
 * Keeps `metadata.managedFields` through every write (see ownership.ts for the rules).
 *
 * - T1 Objects that carry no managedFields (older ones, or reset by a client) stay so until somebody applies to them;
 *   then all they have belongs to `before-first-apply`.
 * - T2 A client may send managedFields: `[]` and `[{}]` reset them, a list that can be read replaces the current one
 *   before the write is judged, and anything else is as if nothing had been sent. Subresources never change them so.
 * - T3 Writes without a manager (the server's own) are not tracked.
 */
import { equalJson, isObject, type JsonObject, objectAt } from '../json.ts';
import { timestamp } from '../kinds/metadata.ts';
import type { ResourceDefinition, WriteContext } from '../registry/definition.ts';
import type { TypeSource } from '../schema/dsl.ts';
import type { Schema } from '../schema/schema.ts';
import { compareMaps } from './compare.ts';
import { emptyObject, emptyParts } from './empty-objects.ts';
import { type FieldSet, isEmptySet, LEAF, sorted } from './field-set.ts';
import { fieldsOf } from './fields-of.ts';
import { KUBECTL, lastApplied, withLastApplied } from './last-applied.ts';
import { type ManagedEntry, readEntries, writeEntries } from './managed-fields.ts';
import { ownableOfMain, ownableOfStatus } from './ownable.ts';
import { afterUpdate, applyConfig, type Writing } from './ownership.ts';

/** Stored managedFields; undefined where there are none. */
export type ManagedFields = readonly JsonObject[] | undefined;

export interface TrackedWrite {
  readonly definition: ResourceDefinition;
  readonly context: WriteContext;
  /** `status`, `scale`, or undefined for the resource itself. */
  readonly subresource?: string;
}

export interface AppliedObject {
  readonly object: JsonObject;
  readonly managedFields: ManagedFields;
}

export interface FieldTracker {
  /** The schema of whole objects of a resource, metadata included. */
  schemaOf(definition: ResourceDefinition): Schema;
  /** For a new object that somebody created. */
  created(write: TrackedWrite, draft: Readonly<JsonObject>): ManagedFields;
  /** For a new object that came from an applied configuration. */
  createdByApply(write: TrackedWrite, config: Readonly<JsonObject>): ManagedFields;
  /** `sent` are the managedFields that came with the request. */
  updated(
    write: TrackedWrite,
    current: Readonly<JsonObject>,
    draft: Readonly<JsonObject>,
    sent: unknown,
  ): ManagedFields;
  /** Joins a configuration with the current object. Throws 409. */
  applied(
    write: TrackedWrite,
    current: Readonly<JsonObject>,
    config: Readonly<JsonObject>,
    force: boolean,
  ): AppliedObject;
}

const SCALE_VERSION = 'autoscaling/v1';

/** Equal sets are kept once: the objects of one kind mostly look alike. */
const MAX_INTERNED = 2048;

export function createFieldTracker(types: TypeSource): FieldTracker {
  const schemas = new WeakMap<ResourceDefinition, Schema>();
  const interned = new Map<string, FieldSet>();

  const schemaOf = (definition: ResourceDefinition): Schema => {
    if (!definition.custom) return definition.schema();
    let schema = schemas.get(definition);
    if (!schema) {
      const own = definition.schema();
      const text: Schema = { type: 'string' };
      schema = {
        ...own,
        properties: { ...own.properties, apiVersion: text, kind: text, metadata: types('ObjectMeta') },
      };
      schemas.set(definition, schema);
    }
    return schema;
  };

  const intern = (set: FieldSet): FieldSet => {
    const ordered = sorted(set);
    const text = JSON.stringify(ordered);
    const known = interned.get(text);
    if (known) return known;
    if (interned.size >= MAX_INTERNED) interned.clear();
    interned.set(text, ordered);
    return ordered;
  };

  const store = (before: readonly ManagedEntry[], after: readonly ManagedEntry[]): ManagedFields => {
    const known = new Set(before.map((entry) => entry.fields));
    const entries = after.map((entry) =>
      known.has(entry.fields) ? entry : { ...entry, fields: intern(entry.fields) },
    );
    const written = writeEntries(entries);
    return written.length === 0 ? undefined : written;
  };

  const writing = (write: TrackedWrite, name: string, operation: 'Apply' | 'Update'): Writing => ({
    manager: { name, operation, ...(write.subresource === undefined ? {} : { subresource: write.subresource }) },
    apiVersion: write.definition.apiVersion,
    // As Kubernetes does: who scales leaves no time.
    time: write.subresource === 'scale' ? undefined : timestamp(write.context.now),
    ownable: write.subresource === 'status' ? ownableOfStatus : ownableOfMain(write.definition.hasStatus),
  });

  const changes = ({ definition }: TrackedWrite, before: Readonly<JsonObject>, after: Readonly<JsonObject>) => {
    const schema = schemaOf(definition);
    // Objects of built-in kinds have a spec and a status always; to fill them is not to make them.
    return compareMaps(schema, definition.custom ? before : { ...emptyParts(schema), ...before }, after);
  };

  const everything = (write: TrackedWrite, object: Readonly<JsonObject>): FieldSet =>
    compareMaps(schemaOf(write.definition), emptyObject(write.definition), object).changed;

  const entry = ({ manager, apiVersion, time, ownable }: Writing, fields: FieldSet): ManagedEntry => ({
    ...manager,
    apiVersion,
    ...(time === undefined ? {} : { time }),
    fields: ownable(fields),
  });

  return {
    schemaOf,
    created: (write, draft) => {
      const name = write.context.fieldManager;
      if (name === undefined) return undefined;
      return store([], [entry(writing(write, name, 'Update'), everything(write, draft))]);
    },
    createdByApply: (write, config) => {
      const by = writing(write, write.context.fieldManager ?? '', 'Apply');
      return store([], [entry(by, fieldsOf(schemaOf(write.definition), config))]);
    },
    updated: (write, current, draft, sent) => {
      const before = storedFields(current);
      const entries = write.subresource === undefined ? chosen(before, sent) : (readEntries(before) ?? []);
      const name = write.context.fieldManager;
      if (entries.length === 0) return undefined; // T1
      const after =
        name === undefined
          ? entries
          : afterUpdate(entries, writing(write, name, 'Update'), changes(write, current, draft));
      return after === entries && sent === before ? (before as ManagedFields) : store(entries, after);
    },
    applied: (write, current, config, force) => {
      const name = write.context.fieldManager ?? '';
      const schema = schemaOf(write.definition);
      const live = withoutManagedFields(current);
      const before = readEntries(storedFields(current)) ?? [];
      const tolerated = name === KUBECTL ? lastApplied(schema, live) : LEAF;
      const entries = before.length === 0 ? firstEntries(write, live) : before;
      const result = applyConfig(schema, live, config, entries, writing(write, name, 'Apply'), {
        force,
        tolerated,
        ...(write.subresource === 'scale' ? { shownVersion: SCALE_VERSION } : {}),
      });
      return {
        object: name === KUBECTL ? withLastApplied(result.object, config) : result.object,
        managedFields: store(before, result.entries),
      };
    },
  };

  /** T1. */
  function firstEntries(write: TrackedWrite, live: Readonly<JsonObject>): readonly ManagedEntry[] {
    const { subresource: _subresource, ...main } = write;
    const by = writing(main, 'before-first-apply', 'Update');
    const first = entry({ ...by, ownable: ownableOfMain(false) }, everything(write, live));
    return isEmptySet(first.fields) ? [] : [first];
  }
}

function storedFields(object: Readonly<JsonObject>): unknown {
  return objectAt(object, 'metadata')?.managedFields;
}

export function withoutManagedFields(object: Readonly<JsonObject>): JsonObject {
  const { metadata } = object;
  if (!isObject(metadata) || metadata.managedFields === undefined) return object;
  const { managedFields: _managedFields, ...kept } = metadata;
  return { ...object, metadata: kept };
}

/** T2. */
function chosen(before: unknown, sent: unknown): readonly ManagedEntry[] {
  const current = (): readonly ManagedEntry[] => readEntries(before) ?? [];
  if (sent === before || !Array.isArray(sent)) return current();
  if (sent.length === 0 || (sent.length === 1 && equalJson(sent[0], {}))) return [];
  const entries = equalJson(sent, before) ? undefined : readEntries(sent);
  return entries ?? current();
}

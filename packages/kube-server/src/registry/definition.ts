import type { FieldError } from '../http/field-error.ts';
import type { UserInfo } from '../http/identity.ts';
import type { JsonObject } from '../json.ts';
import type { CelValidator } from '../schema/cel.ts';
import type { Schema } from '../schema/schema.ts';

/** One column of `kubectl get`. */
export interface Column {
  readonly name: string;
  readonly type: string;
  readonly format?: string;
  readonly description?: string;
  /** 0 is always shown, more only with `-o wide`. */
  readonly priority?: number;
  /** The cell; a string, number, boolean or null. */
  readonly cell: (object: Readonly<JsonObject>, now: Date) => unknown;
}

export interface WriteContext {
  readonly now: Date;
  readonly user: UserInfo;
  readonly dryRun: boolean;
  /** Who will own what is changed; undefined for the server's own writes, which are not tracked. */
  readonly fieldManager?: string;
  /** Tells the client something beside the answer. */
  readonly warn?: (text: string) => void;
}

/** What is special about the objects of one kind. Drafts may be changed; current objects never. */
export interface Strategy {
  /** Why what was sent cannot be read as this kind although its schema has it; undefined where it can. */
  unreadable?(sent: Readonly<JsonObject>): string | undefined;
  /** Moves what is only for input to where it is kept, and fills what follows from other fields; their owner owns it. */
  convertInput?(draft: JsonObject): void;
  /** Fills what only the server knows, before validation. */
  prepareCreate?(draft: JsonObject, context: WriteContext): void;
  prepareUpdate?(draft: JsonObject, current: Readonly<JsonObject>, context: WriteContext): void;
  prepareStatusUpdate?(draft: JsonObject, current: Readonly<JsonObject>): void;
  validate?(draft: Readonly<JsonObject>): readonly FieldError[];
  /** What only new objects have to meet. */
  validateCreate?(draft: Readonly<JsonObject>): readonly FieldError[];
  validateUpdate?(draft: Readonly<JsonObject>, current: Readonly<JsonObject>): readonly FieldError[];
  /** Whether an update that leaves the spec alone makes a new generation as well. */
  isNewGeneration?(draft: Readonly<JsonObject>, current: Readonly<JsonObject>): boolean;
  /** What becomes of dependents where a deletion does not say it; Background for most kinds. */
  readonly defaultPropagation?: 'Orphan';
  /** Told to whoever deletes without saying what becomes of dependents. */
  readonly propagationWarning?: string;
  /** A deletion answers with the object instead of a `Status`. */
  readonly returnsDeleted?: boolean;
  /** What is wrong with a name, or undefined. Default: a DNS subdomain. */
  validateName?(name: string): string | undefined;
  /** Throws when the object may not be deleted. */
  beforeDelete?(current: Readonly<JsonObject>): void;
  /** Its own checks are all there are: the schema is not asked as well. */
  readonly validatesWhole?: boolean;
  /** What else the first deletion of an object changes, beside marking it. */
  beginDeletion?(marked: JsonObject, current: Readonly<JsonObject>, now: Date): JsonObject;
  /** Resolves when the server has done what it does to an object after a write, before anybody hears of that write. */
  settled?(key: string): Promise<void>;
  /** Finalizers that the server itself adds to objects that are deleted. */
  readonly deletionFinalizers?: readonly string[];
  /** Finalizers that the server itself adds to new objects. */
  readonly finalizers?: readonly string[];
  /** Seconds that a deleted object lives on for its node; 0 for all kinds but pods. */
  gracePeriod?(current: Readonly<JsonObject>, requested: number | undefined): number;
}

export interface ScaleDefinition {
  readonly specReplicasPath: string;
  readonly statusReplicasPath: string;
  readonly labelSelectorPath?: string;
}

/** Everything the server knows about one resource in one version. */
export interface ResourceDefinition {
  readonly group: string;
  readonly version: string;
  readonly apiVersion: string;
  readonly plural: string;
  readonly singular: string;
  readonly kind: string;
  readonly listKind: string;
  readonly namespaced: boolean;
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  readonly verbs: readonly string[];
  /** The apiVersion under which objects are stored. */
  readonly storedApiVersion: string;
  /** Keys in the store start with it. */
  readonly prefix: string;
  readonly custom: boolean;
  /** The whole object for built-in kinds; for custom resources what is beside apiVersion, kind and metadata. */
  readonly schema: () => Schema;
  readonly cel?: () => CelValidator;
  readonly hasStatus: boolean;
  readonly scale?: ScaleDefinition;
  /** Other subresources, for discovery. */
  readonly subresources: readonly {
    readonly name: string;
    readonly kind: string;
    readonly group?: string;
    readonly version?: string;
    readonly verbs: readonly string[];
  }[];
  readonly tracksGeneration: boolean;
  /** A PUT without resourceVersion overwrites whatever is there. */
  readonly allowsBlindUpdate: boolean;
  readonly strategy: Strategy;
  readonly columns: readonly Column[];
  /** Paths that field selectors may name beside metadata.name and metadata.namespace. */
  readonly fieldSelectors: readonly string[];
  /** Translates between what is stored and this version, where that is more than the apiVersion. */
  readonly view?: {
    readonly fromStored: (stored: Readonly<JsonObject>) => JsonObject;
    readonly toStored: (object: JsonObject) => JsonObject;
  };
  /** Shown to whoever uses a deprecated version. */
  readonly deprecationWarning?: string;
}

export function keyOf(definition: ResourceDefinition, namespace: string | undefined, name: string): string {
  return definition.namespaced ? `${definition.prefix}${namespace ?? ''}/${name}` : `${definition.prefix}${name}`;
}

export function prefixOf(definition: ResourceDefinition, namespace: string | undefined): string {
  return namespace === undefined || !definition.namespaced ? definition.prefix : `${definition.prefix}${namespace}/`;
}

/** The prefix of all objects of a resource; the same for each of its versions. */
export function storePrefix(group: string, plural: string): string {
  return `${group === '' ? 'core' : group}/${plural}/`;
}

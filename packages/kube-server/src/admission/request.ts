import type { JsonObject } from '../json.ts';
import type { ResourceDefinition, WriteContext } from '../registry/definition.ts';

export type Operation = 'CREATE' | 'UPDATE' | 'DELETE';

/** A write that is about to be stored. Objects are in the version of `definition`, and null where there is none. */
export interface AdmissionRequest {
  readonly operation: Operation;
  readonly definition: ResourceDefinition;
  readonly namespace: string | undefined;
  readonly name: string;
  /** Such as `status`; undefined for the resource itself. */
  readonly subresource?: string;
  /** What the objects are, where a subresource has a kind of its own. */
  readonly kind?: { readonly group: string; readonly version: string; readonly kind: string };
  readonly object: Readonly<JsonObject> | null;
  readonly oldObject: Readonly<JsonObject> | null;
  readonly context: WriteContext;
}

/** Decides, by the policies that are stored, whether a write may be. */
export interface Admission {
  /** Throws an `ApiError` with 401, 403, 413 or 422 when a policy denies the write. Changes nothing. */
  admit(request: AdmissionRequest): void;
}

import { randomBytes } from 'node:crypto';
import { type FieldError, fieldError } from '../http/field-error.ts';
import { arrayAt, isObject, type JsonObject, objectAt, stringAt } from '../json.ts';
import { nameFaults } from '../registry/names.ts';

const ALPHABET = 'bcdfghjklmnpqrstvwxz2456789';

/** `base` and five random characters, cut so that the whole fits a DNS label. */
export function generateName(base: string): string {
  let suffix = '';
  for (const byte of randomBytes(5)) suffix += ALPHABET[byte % ALPHABET.length];
  return `${base.slice(0, 58)}${suffix}`;
}

/** Seconds precision, as Kubernetes writes times. */
export function timestamp(now: Date): string {
  return `${now.toISOString().slice(0, 19)}Z`;
}

const standardFinalizers = new Set(['kubernetes', 'orphan', 'foregroundDeletion']);

const MAX_ANNOTATIONS = 256 * 1024;

export function validateMetadata(
  object: Readonly<JsonObject>,
  checkName: (name: string) => string | undefined,
  /** Custom resources and their definitions may have finalizers of any name. */
  isCustom: boolean,
): readonly FieldError[] {
  const metadata = objectAt(object, 'metadata') ?? {};
  const found: FieldError[] = [];
  const name = stringAt(metadata, 'name') ?? '';
  const nameProblem = checkName(name);
  const prefix = stringAt(metadata, 'generateName') ?? '';
  // What is made from it is cut to fit; the prefix itself must be a name, save for a dash at its end.
  const prefixProblem = prefix === '' ? undefined : checkName(prefix.replace(/-$/, 'a'));
  if (prefixProblem !== undefined) found.push(fieldError.invalid('metadata.generateName', prefix, prefixProblem));
  if (name === '') found.push(fieldError.required('metadata.name', 'name or generateName is required'));
  else if (nameProblem !== undefined) found.push(fieldError.invalid('metadata.name', name, nameProblem));
  for (const [key, value] of Object.entries(objectAt(metadata, 'labels') ?? {})) {
    found.push(...nameFaults.qualified(key).map((why) => fieldError.invalid('metadata.labels', key, why)));
    const faults = nameFaults.labelValue(String(value));
    found.push(...faults.map((why) => fieldError.invalid('metadata.labels', value, why)));
  }
  let size = 0;
  for (const [key, value] of Object.entries(objectAt(metadata, 'annotations') ?? {})) {
    const faults = nameFaults.qualified(key.toLowerCase());
    found.push(...faults.map((why) => fieldError.invalid('metadata.annotations', key, why)));
    size += key.length + String(value).length;
  }
  if (size > MAX_ANNOTATIONS) found.push(fieldError.tooLong('metadata.annotations', MAX_ANNOTATIONS));
  for (const [i, finalizer] of arrayAt(metadata, 'finalizers').entries()) {
    const faults = nameFaults.qualified(String(finalizer));
    found.push(...faults.map((why) => fieldError.invalid('metadata.finalizers', finalizer, why)));
    if (!standardFinalizers.has(String(finalizer)) && !String(finalizer).includes('/') && !isCustom) {
      const why = 'name is neither a standard finalizer name nor is it fully qualified';
      found.push(fieldError.invalid(`metadata.finalizers[${i}]`, finalizer, why));
    }
  }
  found.push(...validateOwners(arrayAt(metadata, 'ownerReferences')));
  return found;
}

function validateOwners(owners: readonly unknown[]): readonly FieldError[] {
  const found: FieldError[] = [];
  let controllers = 0;
  for (const owner of owners) {
    if (!isObject(owner)) continue;
    for (const field of ['apiVersion', 'kind', 'name', 'uid']) {
      if ((stringAt(owner, field) ?? '') === '') {
        const why = field === 'apiVersion' ? 'version must not be empty' : 'must not be empty';
        found.push(fieldError.invalid(`metadata.ownerReferences.${field}`, '', why));
      }
    }
    if (owner.controller === true) controllers++;
  }
  if (controllers > 1) {
    found.push(
      fieldError.invalid('metadata.ownerReferences', controllers, 'Only one reference can have Controller set to true'),
    );
  }
  return found;
}

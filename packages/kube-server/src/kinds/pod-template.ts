/** The template of pods that other kinds carry. */
import { type FieldError, fieldError } from '../http/field-error.ts';
import { arrayAt, ensureObject, isObject, type JsonObject, objectAt, stringAt } from '../json.ts';
import { nameChecks } from '../registry/names.ts';
import { fillPodSpec, validateContainers } from './pod-spec.ts';
import { validatePodPaths } from './pod-volumes.ts';

export function fillTemplate(template: unknown): void {
  if (isObject(template)) fillPodSpec(ensureObject(template, 'spec'));
}

/** Every template is shown with metadata, and nobody owns an empty one. */
export function completeTemplate(template: unknown): void {
  if (isObject(template)) ensureObject(template, 'metadata');
}

export function validateTemplate(template: Readonly<JsonObject> | undefined, at: string): readonly FieldError[] {
  const spec = objectAt(template, 'spec') ?? {};
  const found: FieldError[] = [];
  for (const [key, value] of Object.entries(objectAt(template, 'metadata', 'labels') ?? {})) {
    const keyProblem = nameChecks.qualified(key);
    if (keyProblem !== undefined) found.push(fieldError.invalid(`${at}.labels`, key, keyProblem));
    const problem = nameChecks.labelValue(String(value));
    if (problem !== undefined) found.push(fieldError.invalid(`${at}.labels`, value, problem));
  }
  for (const key of Object.keys(objectAt(template, 'metadata', 'annotations') ?? {})) {
    const problem = nameChecks.qualified(key.toLowerCase());
    if (problem !== undefined) found.push(fieldError.invalid(`${at}.annotations`, key, problem));
  }
  found.push(...validateContainers(spec, `${at}.spec`), ...validatePodPaths(spec, `${at}.spec`));
  if (arrayAt(spec, 'ephemeralContainers').length > 0) {
    const why = 'ephemeral containers not allowed in pod template';
    found.push(fieldError.forbidden(`${at}.spec.ephemeralContainers`, why));
  }
  return found;
}

/** For kinds whose pods are meant to run for ever. */
export function validateLasting(
  template: Readonly<JsonObject> | undefined,
  at: string,
  kind: string,
): readonly FieldError[] {
  const found: FieldError[] = [];
  const policy = stringAt(template, 'spec', 'restartPolicy');
  if (policy === 'OnFailure' || policy === 'Never') {
    found.push(fieldError.notSupported(`${at}.spec.restartPolicy`, policy, ['Always']));
  }
  if (objectAt(template, 'spec')?.activeDeadlineSeconds !== undefined) {
    const why = `activeDeadlineSeconds in ${kind} is not Supported`;
    found.push(fieldError.forbidden(`${at}.spec.activeDeadlineSeconds`, why));
  }
  return found;
}

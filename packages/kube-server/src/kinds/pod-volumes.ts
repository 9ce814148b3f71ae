/**
 * What of a pod becomes a path on its node: volumes, what is put into them, and where containers see them. A name
 * that is a path would let a pod reach what is not its own; the node checks again what it is about to use.
 */
import { type FieldError, fieldError } from '../http/field-error.ts';
import { arrayAt, type JsonObject, objectAt, stringAt } from '../json.ts';
import { nameChecks } from '../registry/names.ts';

const NO_BACKSTEPS = "must not contain '..'";
const ENV_NAME = /^[-._a-zA-Z][-._a-zA-Z0-9]*$/;

const hasBacksteps = (path: string): boolean => path.split('/').includes('..');

/** What is wrong with a path that has to stay below a folder, in the words of Kubernetes. */
function descending(path: string): string | undefined {
  if (path.startsWith('/')) return 'must be a relative path';
  return hasBacksteps(path) ? NO_BACKSTEPS : undefined;
}

/** The path of a file inside a volume; names that begin with two dots are the node's own. */
function filePath(at: string, path: string | undefined): readonly FieldError[] {
  if (path === undefined) return []; // judged by the schema
  if (path === '') return [fieldError.required(at)];
  const problem = descending(path) ?? (path.startsWith('..') ? "must not start with '..'" : undefined);
  return problem === undefined ? [] : [fieldError.invalid(at, path, problem)];
}

function validateItems(at: string, source: JsonObject | undefined): readonly FieldError[] {
  return arrayAt(source, 'items').flatMap((item, i) => filePath(`${at}.items[${i}].path`, stringAt(item, 'path')));
}

/** The sources that are made of files, in a volume or in a part of a projected one. */
function validateFiles(at: string, holder: unknown): readonly FieldError[] {
  return ['configMap', 'secret', 'downwardAPI'].flatMap((kind) =>
    validateItems(`${at}.${kind}`, objectAt(holder, kind)),
  );
}

function validateVolumes(spec: Readonly<JsonObject>, place: string): readonly FieldError[] {
  const names = new Set<string>();
  return arrayAt(spec, 'volumes').flatMap((volume, i) => {
    const at = `${place}.volumes[${i}]`;
    const found: FieldError[] = [];
    const name = stringAt(volume, 'name');
    const problem = name === undefined ? undefined : nameChecks.label(name);
    if (name === '') found.push(fieldError.required(`${at}.name`));
    else if (problem !== undefined) found.push(fieldError.invalid(`${at}.name`, name, problem));
    else if (name !== undefined && names.has(name)) found.push(fieldError.duplicate(`${at}.name`, name));
    if (name !== undefined) names.add(name);
    found.push(...validateFiles(at, volume));
    arrayAt(volume, 'projected', 'sources').forEach((source, s) => {
      found.push(...validateFiles(`${at}.projected.sources[${s}]`, source));
    });
    const hostPath = stringAt(volume, 'hostPath', 'path');
    if (hostPath !== undefined && hasBacksteps(hostPath)) {
      found.push(fieldError.invalid(`${at}.hostPath.path`, hostPath, NO_BACKSTEPS));
    }
    return found;
  });
}

function validateMounts(at: string, container: unknown): readonly FieldError[] {
  const paths = new Set<string>();
  return arrayAt(container, 'volumeMounts').flatMap((mount, m) => {
    const found: FieldError[] = [];
    const path = stringAt(mount, 'mountPath');
    const place = `${at}.volumeMounts[${m}]`;
    if (path === undefined) return found; // judged by the schema
    if (path === '') found.push(fieldError.required(`${place}.mountPath`));
    else if (hasBacksteps(path)) found.push(fieldError.invalid(`${place}.mountPath`, path, NO_BACKSTEPS));
    else if (paths.has(path)) found.push(fieldError.invalid(`${place}.mountPath`, path, 'must be unique'));
    paths.add(path);
    for (const field of ['subPath', 'subPathExpr']) {
      const below = stringAt(mount, field) ?? '';
      const problem = descending(below);
      if (problem !== undefined) found.push(fieldError.invalid(`${place}.${field}`, below, problem));
    }
    return found;
  });
}

function validateEnvironment(at: string, container: unknown): readonly FieldError[] {
  return arrayAt(container, 'env').flatMap((entry, i) => {
    const name = stringAt(entry, 'name');
    const place = `${at}.env[${i}].name`;
    if (name === '') return [fieldError.required(place)];
    if (name === undefined || ENV_NAME.test(name)) return [];
    return [
      fieldError.invalid(
        place,
        name,
        `a valid environment variable name must consist of alphabetic characters, digits, '_', '-', or '.', and must not start with a digit (e.g. 'my.env-name',  or 'MY_ENV.NAME',  or 'MyEnvName1', regex used for validation is '${ENV_NAME.source.slice(1, -1)}')`,
      ),
    ];
  });
}

/** Judges the spec of a new pod; an older one is left alone, so that it can still be reported on and deleted. */
export function validatePodPaths(spec: Readonly<JsonObject>, place: string): readonly FieldError[] {
  const containers = ['initContainers', 'containers'].flatMap((field) =>
    arrayAt(spec, field).map((container, i) => ({ at: `${place}.${field}[${i}]`, container })),
  );
  return [
    ...validateVolumes(spec, place),
    ...containers.flatMap(({ at, container }) => [
      ...validateMounts(at, container),
      ...validateEnvironment(at, container),
    ]),
  ];
}

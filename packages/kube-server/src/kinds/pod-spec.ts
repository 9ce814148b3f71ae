/** Pod specs, in pods and in the templates of other kinds. */
import { type FieldError, fieldError } from '../http/field-error.ts';
import { arrayAt, isObject, type JsonObject, objectAt, stringAt, valueAt } from '../json.ts';
import { nameChecks } from '../registry/names.ts';

/** Fills what follows from what was said; whoever said that owns it. */
export function fillPodSpec(spec: JsonObject): void {
  const account = spec.serviceAccountName ?? spec.serviceAccount;
  if (account !== undefined) {
    spec.serviceAccountName = account;
    spec.serviceAccount = account;
  }
  for (const container of containersOf(spec)) {
    const image = stringAt(container, 'image') ?? '';
    container.imagePullPolicy ??= /:[^/]+$/.test(image) && !image.endsWith(':latest') ? 'IfNotPresent' : 'Always';
  }
  for (const volume of arrayAt(spec, 'volumes')) {
    const hostPath = objectAt(volume, 'hostPath');
    if (hostPath) hostPath.type ??= '';
  }
}

/** In pods what is limited is asked for as well, where nothing else is; templates keep what they say. */
export function fillRequests(spec: JsonObject): void {
  for (const container of containersOf(spec)) {
    const resources = objectAt(container, 'resources');
    const limits = objectAt(resources, 'limits');
    if (resources && limits) resources.requests = { ...limits, ...objectAt(resources, 'requests') };
  }
}

export function containersOf(spec: Readonly<JsonObject>): readonly JsonObject[] {
  return [...arrayAt(spec, 'initContainers'), ...arrayAt(spec, 'containers')].filter(isObject);
}

/** Judges the containers of a spec that lies at `at`. */
export function validateContainers(spec: Readonly<JsonObject>, place: string): readonly FieldError[] {
  const found: FieldError[] = [];
  const volumes = new Set(arrayAt(spec, 'volumes').map((volume) => stringAt(volume, 'name')));
  const names = new Set<string>();
  for (const field of ['initContainers', 'containers']) {
    arrayAt(spec, field).forEach((container, i) => {
      const at = `${place}.${field}[${i}]`;
      const name = stringAt(container, 'name') ?? '';
      if (names.has(name)) found.push(fieldError.duplicate(`${at}.name`, name));
      names.add(name);
      const problem = name === '' ? undefined : nameChecks.label(name);
      if (problem !== undefined) found.push(fieldError.invalid(`${at}.name`, name, problem));
      if ((stringAt(container, 'image') ?? '') === '') found.push(fieldError.required(`${at}.image`));
      arrayAt(container, 'volumeMounts').forEach((mount, m) => {
        const volume = stringAt(mount, 'name');
        if (!volumes.has(volume)) {
          found.push(fieldError.notFound(`${at}.volumeMounts[${m}].name`, volume));
        }
      });
      arrayAt(container, 'ports').forEach((port, p) => {
        const number = valueAt(port, 'containerPort');
        if (number === 0) found.push(fieldError.required(`${at}.ports[${p}].containerPort`));
        else if (typeof number === 'number' && (number < 1 || number > 65_535)) {
          found.push(
            fieldError.invalid(`${at}.ports[${p}].containerPort`, number, 'must be between 1 and 65535, inclusive'),
          );
        }
      });
    });
  }
  return found;
}

import { isIPv4 } from 'node:net';
import { type FieldError, fieldError } from '../http/field-error.ts';
import { errors } from '../http/status.ts';
import { arrayAt, ensureObject, isObject, type JsonObject, objectAt, stringAt, valueAt } from '../json.ts';
import type { Strategy } from '../registry/definition.ts';
import { nameChecks } from '../registry/names.ts';

/** Hands out the addresses of services. */
export interface ServiceAddresses {
  /** Takes `wanted`, or any free address; undefined when it is taken or none is left. */
  reserve(wanted: string | undefined): string | undefined;
}

const subject = { group: '', plural: 'services', kind: 'Service' };

/** What follows from what was said; whoever said that owns it. */
function fillFields(draft: JsonObject): void {
  const spec = ensureObject(draft, 'spec');
  for (const port of arrayAt(spec, 'ports')) {
    if (isObject(port)) port.targetPort ??= port.port;
  }
  if (spec.type !== 'ExternalName') spec.internalTrafficPolicy ??= 'Cluster';
}

/** What the server decides. */
function fill(draft: JsonObject): void {
  const spec = ensureObject(draft, 'spec');
  if (spec.type === 'ExternalName') return;
  spec.ipFamilies ??= ['IPv4'];
  spec.ipFamilyPolicy ??= 'SingleStack';
  if (spec.sessionAffinity === 'ClientIP') spec.sessionAffinityConfig ??= { clientIP: { timeoutSeconds: 10_800 } };
  else delete spec.sessionAffinityConfig;
}

function validatePorts(spec: Readonly<JsonObject>): readonly FieldError[] {
  const ports = arrayAt(spec, 'ports');
  const found: FieldError[] = [];
  const isExternal = spec.type === 'ExternalName';
  if (isExternal && (stringAt(spec, 'externalName') ?? '') === '') found.push(fieldError.required('spec.externalName'));
  if (ports.length === 0 && !isExternal && spec.clusterIP !== 'None') found.push(fieldError.required('spec.ports'));
  const names = new Set<string>();
  ports.forEach((port, i) => {
    const name = stringAt(port, 'name') ?? '';
    if (name === '' && ports.length > 1) found.push(fieldError.required(`spec.ports[${i}].name`));
    for (const field of ['port', 'targetPort']) {
      const number = valueAt(port, field);
      if (typeof number !== 'number' || (number >= 1 && number <= 65_535)) continue;
      found.push(fieldError.invalid(`spec.ports[${i}].${field}`, number, 'must be between 1 and 65535, inclusive'));
    }
    if (name !== '' && names.has(name)) found.push(fieldError.duplicate(`spec.ports[${i}].name`, name));
    names.add(name);
  });
  return found;
}

export function serviceStrategy(addresses: ServiceAddresses): Strategy {
  const allocate = (draft: JsonObject): void => {
    const spec = ensureObject(draft, 'spec');
    if (spec.type === 'ExternalName') return;
    const wanted = stringAt(spec, 'clusterIP') ?? '';
    if (wanted === 'None') {
      spec.clusterIPs = ['None'];
      return;
    }
    const name = stringAt(draft, 'metadata', 'name') ?? '';
    if (wanted !== '' && !isIPv4(wanted)) {
      throw errors.invalid(subject, name, [
        fieldError.invalid('spec.clusterIPs[0]', wanted, 'must be a valid IPv4 address'),
      ]);
    }
    const address = addresses.reserve(wanted === '' ? undefined : wanted);
    if (address === undefined) {
      if (wanted === '') throw errors.internal('failed to allocate a serviceIP: range is full');
      throw errors.invalid(subject, name, [
        fieldError.invalid(
          'spec.clusterIPs',
          [wanted],
          `failed to allocate IP ${wanted}: provided IP is already allocated`,
        ),
      ]);
    }
    spec.clusterIP = address;
    spec.clusterIPs = [address];
  };

  return {
    returnsDeleted: true,
    convertInput: fillFields,
    prepareCreate: (draft, { dryRun }) => {
      draft.status = { loadBalancer: {} };
      fill(draft);
      if (!dryRun) allocate(draft);
    },
    prepareUpdate: (draft, current, { dryRun }) => {
      const spec = ensureObject(draft, 'spec');
      const before = objectAt(current, 'spec') ?? {};
      if (spec.type !== 'ExternalName' && before.type !== 'ExternalName') {
        spec.clusterIP ??= before.clusterIP;
        spec.clusterIPs ??= before.clusterIPs;
      }
      fill(draft);
      if (spec.type === 'ExternalName') {
        delete spec.clusterIP;
        delete spec.clusterIPs;
      } else if ((spec.clusterIP ?? '') === '' && !dryRun) allocate(draft);
    },
    validate: (draft) => validatePorts(objectAt(draft, 'spec') ?? {}),
    validateUpdate: (draft, current) => {
      const before = stringAt(current, 'spec', 'clusterIP');
      const after = stringAt(draft, 'spec', 'clusterIP');
      const isExternal = draft.spec !== undefined && stringAt(draft, 'spec', 'type') === 'ExternalName';
      if (before === undefined || isExternal || before === after) return [];
      return [fieldError.invalid('spec.clusterIPs[0]', [after], 'may not change once set')];
    },
    validateName: nameChecks.label1035,
  };
}

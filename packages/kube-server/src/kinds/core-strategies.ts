import { type FieldError, fieldError } from '../http/field-error.ts';
import { arrayAt, ensureObject, equalJson, isObject, type JsonObject, objectAt, stringAt } from '../json.ts';
import type { Strategy } from '../registry/definition.ts';
import { nameChecks } from '../registry/names.ts';

/** Keys of ConfigMaps and Secrets, the size of what they hold, and `immutable`. */
const MAX_DATA_BYTES = 1024 * 1024;

function validateData(draft: Readonly<JsonObject>, fields: readonly string[]): readonly FieldError[] {
  const found: FieldError[] = [];
  const other = fields.includes('binaryData') ? (objectAt(draft, 'binaryData') ?? {}) : {};
  let size = 0;
  for (const field of fields) {
    for (const [key, value] of Object.entries(objectAt(draft, field) ?? {})) {
      const problem = nameChecks.configKey(key);
      if (problem !== undefined) found.push(fieldError.invalid(`${field}[${key}]`, key, problem));
      if (field === 'data' && Object.hasOwn(other, key)) {
        found.push(fieldError.invalid(`data[${key}]`, key, 'duplicate of key present in binaryData'));
      }
      const isText = field === 'data' && fields.includes('binaryData');
      size += Buffer.byteLength(String(value), isText ? 'utf8' : 'base64');
    }
  }
  if (size > MAX_DATA_BYTES) found.push(fieldError.tooLong('', MAX_DATA_BYTES));
  return found;
}

function validateImmutable(
  draft: Readonly<JsonObject>,
  current: Readonly<JsonObject>,
  fields: readonly string[],
): readonly FieldError[] {
  if (current.immutable !== true) return [];
  const found: FieldError[] = [];
  if (draft.immutable !== true) {
    found.push(fieldError.forbidden('immutable', 'field is immutable when `immutable` is set'));
  }
  for (const field of fields) {
    if (!equalJson(draft[field] ?? {}, current[field] ?? {})) {
      found.push(fieldError.forbidden(field, 'field is immutable when `immutable` is set'));
    }
  }
  return found;
}

const configMapFields = ['data', 'binaryData'];

export const leaseStrategy: Strategy = {
  validate: (draft) => {
    const spec = objectAt(draft, 'spec') ?? {};
    const found: FieldError[] = [];
    const { leaseDurationSeconds: seconds, leaseTransitions: transitions } = spec;
    if (typeof seconds === 'number' && seconds <= 0) {
      found.push(fieldError.invalid('spec.leaseDurationSeconds', seconds, 'must be greater than 0'));
    }
    if (typeof transitions === 'number' && transitions < 0) {
      found.push(fieldError.invalid('spec.leaseTransitions', transitions, 'must be greater than or equal to 0'));
    }
    return found;
  },
};

export const configMapStrategy: Strategy = {
  validate: (draft) => validateData(draft, configMapFields),
  validateUpdate: (draft, current) => validateImmutable(draft, current, configMapFields),
};

function mergeStringData(draft: JsonObject): void {
  const plain = objectAt(draft, 'stringData');
  delete draft.stringData;
  if (!plain) return;
  const data = ensureObject(draft, 'data');
  for (const [key, value] of Object.entries(plain)) data[key] = Buffer.from(String(value)).toString('base64');
}

/** What a Secret of a type must hold. */
const secretKeys: Readonly<Record<string, readonly string[]>> = {
  'kubernetes.io/tls': ['tls.crt', 'tls.key'],
  'kubernetes.io/dockerconfigjson': ['.dockerconfigjson'],
  'kubernetes.io/ssh-auth': ['ssh-privatekey'],
};

export const secretStrategy: Strategy = {
  convertInput: mergeStringData,
  validate: (draft) => [
    ...validateData(draft, ['data']),
    ...(secretKeys[stringAt(draft, 'type') ?? ''] ?? [])
      .filter((key) => objectAt(draft, 'data')?.[key] === undefined)
      .map((key) => fieldError.required(`data[${key}]`)),
  ],
  validateUpdate: (draft, current) => [
    ...(draft.type === current.type ? [] : [fieldError.invalid('type', draft.type, 'field is immutable')]),
    ...validateImmutable(draft, current, ['data']),
  ],
};

export const nodeStrategy: Strategy = {
  prepareCreate: (draft) => {
    ensureObject(draft, 'spec');
    ensureObject(draft, 'status');
  },
};

export const volumeStrategy: Strategy = {
  returnsDeleted: true,
  prepareCreate: (draft) => {
    draft.status = { phase: 'Pending' };
  },
  validate: (draft) => {
    const spec = objectAt(draft, 'spec') ?? {};
    const found: FieldError[] = [];
    if (arrayAt(spec, 'accessModes').length === 0) found.push(fieldError.required('spec.accessModes'));
    if (stringAt(spec, 'capacity', 'storage') === undefined) found.push(fieldError.required('spec.capacity'));
    const sources = ['csi', 'hostPath', 'iscsi', 'local', 'nfs', 'fc', 'rbd', 'cephfs'].filter((s) =>
      isObject(spec[s]),
    );
    if (sources.length === 0) found.push(fieldError.required('spec', 'must specify a volume type'));
    for (const extra of sources.slice(1)) {
      found.push(fieldError.forbidden(`spec.${extra}`, 'may not specify more than 1 volume type'));
    }
    return found;
  },
};

export const claimStrategy: Strategy = {
  returnsDeleted: true,
  prepareCreate: (draft) => {
    draft.status = { phase: 'Pending' };
  },
  validate: (draft) => {
    const spec = objectAt(draft, 'spec') ?? {};
    const found: FieldError[] = [];
    if (arrayAt(spec, 'accessModes').length === 0) {
      found.push(fieldError.required('spec.accessModes', 'at least 1 access mode is required'));
    }
    if (stringAt(spec, 'resources', 'requests', 'storage') === undefined) {
      found.push(fieldError.required('spec.resources[storage]'));
    }
    return found;
  },
  validateUpdate: (draft, current) => {
    // Everything but the size and, until bound, the volume is fixed when the claim is made.
    const frozen = (object: Readonly<JsonObject>): JsonObject => {
      const { resources: _resources, volumeName: _volumeName, ...rest } = objectAt(object, 'spec') ?? {};
      return rest;
    };
    const before = stringAt(current, 'spec', 'volumeName') ?? '';
    const rebound = before !== '' && before !== stringAt(draft, 'spec', 'volumeName');
    if (!rebound && equalJson(frozen(draft), frozen(current))) return [];
    return [
      fieldError.forbidden(
        'spec',
        'spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims',
      ),
    ];
  },
};

/** Fields of an event that are shown also where there is nothing in them. */
const emptyOfEvent: Readonly<JsonObject> = {
  source: {},
  firstTimestamp: null,
  lastTimestamp: null,
  eventTime: null,
  reportingComponent: '',
  reportingInstance: '',
};

function showEmpty(draft: JsonObject): void {
  for (const [field, empty] of Object.entries(emptyOfEvent)) draft[field] ??= empty;
}

export const eventStrategy: Strategy = {
  prepareCreate: showEmpty,
  prepareUpdate: showEmpty,
  validate: (draft) => {
    const about = stringAt(draft, 'involvedObject', 'namespace') ?? '';
    const own = stringAt(draft, 'metadata', 'namespace') ?? '';
    const fits = about === '' ? own === 'default' || own === 'kube-system' : about === own;
    return fits ? [] : [fieldError.invalid('involvedObject.namespace', about, 'does not match event.namespace')];
  },
};

export const storageClassStrategy: Strategy = {
  returnsDeleted: true,
  validateUpdate: (draft, current) =>
    (['provisioner', 'parameters', 'reclaimPolicy', 'volumeBindingMode'] as const)
      .filter((field) => !equalJson(draft[field], current[field]))
      .map((field) => fieldError.forbidden(field, 'updates to this field are forbidden.')),
};

export const endpointSliceStrategy: Strategy = {
  validateUpdate: (draft, current) =>
    draft.addressType === current.addressType
      ? []
      : [fieldError.invalid('addressType', draft.addressType, 'field is immutable')],
};

export const bindingStrategy: Strategy = {
  validateName: nameChecks.pathSegment,
  validateUpdate: (draft, current) =>
    equalJson(draft.roleRef, current.roleRef)
      ? []
      : [fieldError.invalid('roleRef', draft.roleRef, 'cannot change roleRef')],
};

export const roleStrategy: Strategy = { validateName: nameChecks.pathSegment };

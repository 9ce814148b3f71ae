/**
 * Reads the protobuf bodies that kubectl's `create` and `auth` commands send without asking whether the server knows
 * the format. Only the fields of those kinds are known; anything else answers 415. Answers are always JSON.
 */
import type { JsonObject } from '../json.ts';
import { errors } from './status.ts';

const rule = 'verbs strings,apiGroups strings,resources strings,resourceNames strings,nonResourceURLs strings';

/**
 * Field numbers in order of 1, 2, 3...; `-` leaves a number out. A type is `string`, `bool`, `int`, `strings`,
 * `stringMap`, `bytesMap`, `intOrString`, another message, or `list:` and a message.
 */
const messages: Readonly<Record<string, readonly string[]>> = declare({
  ObjectMeta:
    'name string,generateName string,namespace string,-,-,-,-,-,-,-,labels stringMap,annotations stringMap,-,finalizers strings',
  ConfigMap: 'metadata ObjectMeta,data stringMap,binaryData bytesMap,immutable bool',
  Secret: 'metadata ObjectMeta,data bytesMap,type string,stringData stringMap,immutable bool',
  Namespace: 'metadata ObjectMeta',
  ServiceAccount: 'metadata ObjectMeta,-,-,automountServiceAccountToken bool',
  Service: 'metadata ObjectMeta,spec ServiceSpec',
  ServiceSpec:
    'ports list:ServicePort,selector stringMap,clusterIP string,type string,externalIPs strings,-,sessionAffinity string,loadBalancerIP string,loadBalancerSourceRanges strings,externalName string',
  ServicePort: 'name string,protocol string,port int,targetPort intOrString,nodePort int,appProtocol string',
  Role: 'metadata ObjectMeta,rules list:PolicyRule',
  ClusterRole: 'metadata ObjectMeta,rules list:PolicyRule',
  PolicyRule: rule,
  RoleBinding: 'metadata ObjectMeta,subjects list:Subject,roleRef RoleRef',
  ClusterRoleBinding: 'metadata ObjectMeta,subjects list:Subject,roleRef RoleRef',
  Subject: 'kind string,apiGroup string,name string,namespace string',
  RoleRef: 'apiGroup string,kind string,name string',
  SelfSubjectAccessReview: 'metadata ObjectMeta,spec AccessSpec',
  AccessSpec: 'resourceAttributes ResourceAttributes,nonResourceAttributes PathAttributes',
  ResourceAttributes:
    'namespace string,verb string,group string,version string,resource string,subresource string,name string',
  PathAttributes: 'path string,verb string',
  SelfSubjectRulesReview: 'metadata ObjectMeta,spec RulesSpec',
  RulesSpec: 'namespace string',
  SelfSubjectReview: 'metadata ObjectMeta',
});

function declare(text: Readonly<Record<string, string>>): Readonly<Record<string, readonly string[]>> {
  return Object.fromEntries(Object.entries(text).map(([name, fields]) => [name, fields.split(',')]));
}

const MAGIC = Buffer.from('k8s\0', 'latin1');
const topLevel = new Set(
  'ConfigMap Secret Namespace ServiceAccount Service Role ClusterRole RoleBinding ClusterRoleBinding SelfSubjectAccessReview SelfSubjectRulesReview SelfSubjectReview'.split(
    ' ',
  ),
);

interface RawField {
  readonly number: number;
  readonly value: number | Buffer;
}

function* rawFields(bytes: Buffer): Generator<RawField> {
  let at = 0;
  const varint = (): number => {
    let result = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[at++];
      if (byte === undefined || shift > 63) throw errors.badRequest('the protobuf body is cut short');
      result += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return result;
    }
  };
  while (at < bytes.length) {
    const tag = varint();
    const number = Math.floor(tag / 8);
    switch (tag % 8) {
      case 0:
        yield { number, value: varint() };
        break;
      case 1:
        at += 8;
        break;
      case 2: {
        const length = varint();
        if (at + length > bytes.length) throw errors.badRequest('the protobuf body is cut short');
        yield { number, value: bytes.subarray(at, at + length) };
        at += length;
        break;
      }
      case 5:
        at += 4;
        break;
      default:
        throw errors.badRequest('the protobuf body has an unknown wire type');
    }
  }
}

const text = (value: number | Buffer | undefined): string => (Buffer.isBuffer(value) ? value.toString('utf8') : '');

function readMessage(name: string, bytes: Buffer): JsonObject {
  const fields = messages[name] ?? [];
  const result: JsonObject = {};
  for (const { number, value } of rawFields(bytes)) {
    const declared = fields[number - 1];
    if (declared === undefined || declared === '-') continue;
    const [field = '', type = ''] = declared.split(' ');
    readField(result, field, type, value);
  }
  return result;
}

function readField(result: JsonObject, field: string, type: string, value: number | Buffer): void {
  if (typeof value === 'number') {
    // Go writes zero values too; an unset integer or boolean means the same as an absent one.
    if (value !== 0) result[field] = type === 'bool' ? true : value;
    return;
  }
  if (type === 'string') {
    if (value.length > 0) result[field] = text(value);
  } else if (type === 'strings') result[field] = [...((result[field] as string[] | undefined) ?? []), text(value)];
  else if (type === 'stringMap' || type === 'bytesMap') {
    const entry = Object.fromEntries([...rawFields(value)].map((f) => [f.number, f.value]));
    const content = entry[2];
    const shown = type === 'bytesMap' && Buffer.isBuffer(content) ? content.toString('base64') : text(content);
    result[field] = { ...(result[field] as JsonObject | undefined), [text(entry[1])]: shown };
  } else if (type === 'intOrString') {
    const entry = Object.fromEntries([...rawFields(value)].map((f) => [f.number, f.value]));
    const isText = entry[1] === 1;
    if (isText) result[field] = text(entry[3]);
    else if (entry[2]) result[field] = entry[2];
  } else if (type.startsWith('list:')) {
    result[field] = [...((result[field] as JsonObject[] | undefined) ?? []), readMessage(type.slice(5), value)];
  } else result[field] = readMessage(type, value);
}

/** Decodes `k8s\0` + runtime.Unknown. Throws 415 for kinds that are not known here. */
export function decodeProtobuf(body: Buffer): JsonObject {
  if (!body.subarray(0, 4).equals(MAGIC)) throw errors.badRequest('the body is not a Kubernetes protobuf object');
  const unknown = Object.fromEntries([...rawFields(body.subarray(4))].map((f) => [f.number, f.value]));
  const type = Buffer.isBuffer(unknown[1]) ? [...rawFields(unknown[1])] : [];
  const meta = Object.fromEntries(type.map((f) => [f.number, text(f.value)]));
  const kind = meta[2] ?? '';
  if (!topLevel.has(kind)) {
    throw errors.unsupportedMediaType(
      `objects of kind "${kind}" cannot be sent as protobuf to this server - send application/json`,
    );
  }
  const raw = unknown[2];
  return { apiVersion: meta[1], kind, ...readMessage(kind, Buffer.isBuffer(raw) ? raw : Buffer.alloc(0)) };
}

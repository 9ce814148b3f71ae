/** Which writes a policy, or one of its bindings, is about: `matchConstraints` and `matchResources`. */
import { arrayAt, isObject, type JsonObject, objectAt, stringAt } from '../json.ts';
import { present, toStored } from '../operations/convert.ts';
import { type ResourceDefinition, storePrefix } from '../registry/definition.ts';
import type { Registry } from '../registry/registry.ts';
import type { ObjectStore, StoredObject } from '../store/object-store.ts';
import { isEmptySelector, selectsLabels } from './label-selector.ts';
import type { AdmissionRequest } from './request.ts';

const NAMESPACES = storePrefix('', 'namespaces');

/** The namespace that a request is about: the object itself where it is one. Undefined at cluster scope. */
export function namespaceOf(store: ObjectStore, request: AdmissionRequest): Readonly<JsonObject> | undefined {
  const { definition, namespace, object, oldObject } = request;
  if (definition.prefix === NAMESPACES) return object ?? oldObject ?? undefined;
  return namespace === undefined
    ? undefined
    : (store.get(`${NAMESPACES}${namespace}`) as Readonly<JsonObject> | undefined);
}

/**
 * The request as the rules see it; undefined where they are not about it. With `matchPolicy: Equivalent`, rules on
 * another version of the resource are about it too, and the objects are converted to that version.
 */
export function matchResources(
  constraints: Readonly<JsonObject>,
  request: AdmissionRequest,
  store: ObjectStore,
  registry: Registry,
): AdmissionRequest | undefined {
  const namespaceSelector = objectAt(constraints, 'namespaceSelector');
  if (namespaceSelector && !isEmptySelector(namespaceSelector)) {
    const namespace = namespaceOf(store, request);
    // What lives in no namespace is not left out by a selector of namespaces.
    if (namespace && !selectsLabels(namespaceSelector, labelsOf(namespace))) return undefined;
  }
  const objectSelector = objectAt(constraints, 'objectSelector');
  if (objectSelector && !isEmptySelector(objectSelector)) {
    const objects = [request.object, request.oldObject].filter((object) => object !== null);
    if (!objects.some((object) => selectsLabels(objectSelector, labelsOf(object)))) return undefined;
  }
  const isExact = stringAt(constraints, 'matchPolicy') === 'Exact';
  const find = (field: string): ResourceDefinition | undefined => {
    const rules = arrayAt(constraints, field).filter(isObject);
    const covers = (definition: ResourceDefinition): boolean => rules.some((rule) => fits(rule, request, definition));
    if (covers(request.definition)) return request.definition;
    if (isExact || rules.length === 0) return undefined;
    return registry.all().find((other) => other.prefix === request.definition.prefix && covers(other));
  };
  if (find('excludeResourceRules')) return undefined;
  if (arrayAt(constraints, 'resourceRules').length === 0) return request;
  const definition = find('resourceRules');
  return definition && convert(request, definition);
}

const labelsOf = (object: Readonly<JsonObject>): Readonly<JsonObject> => objectAt(object, 'metadata', 'labels') ?? {};

function fits(rule: JsonObject, request: AdmissionRequest, definition: ResourceDefinition): boolean {
  const lists = (field: string, value: string): boolean => {
    const list = arrayAt(rule, field);
    return list.includes('*') || list.includes(value);
  };
  if (!lists('operations', request.operation)) return false;
  if (!lists('apiGroups', definition.group) || !lists('apiVersions', definition.version)) return false;
  const scope = stringAt(rule, 'scope') ?? '*';
  if (scope !== '*' && (scope === 'Namespaced') !== definition.namespaced) return false;
  const names = arrayAt(rule, 'resourceNames');
  if (names.length > 0 && !names.includes(request.name)) return false;
  return arrayAt(rule, 'resources').some((resource) => {
    const [plural = '', subresource = ''] = String(resource).split('/', 2);
    const isPlural = plural === '*' || plural === definition.plural;
    return isPlural && (subresource === '*' || subresource === (request.subresource ?? ''));
  });
}

function convert(request: AdmissionRequest, definition: ResourceDefinition): AdmissionRequest {
  if (definition === request.definition) return request;
  if (request.kind) return { ...request, definition }; // the objects are of a kind of their own
  const other = (object: Readonly<JsonObject> | null): Readonly<JsonObject> | null =>
    object && present(definition, toStored(request.definition, { ...object }) as unknown as StoredObject);
  return { ...request, definition, object: other(request.object), oldObject: other(request.oldObject) };
}

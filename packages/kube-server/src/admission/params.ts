/** The parameters that a binding gives to its policy: objects of a kind that the policy names. */
import { type JsonObject, objectAt, stringAt } from '../json.ts';
import { present } from '../operations/convert.ts';
import { keyOf, prefixOf } from '../registry/definition.ts';
import type { Registry } from '../registry/registry.ts';
import type { ObjectStore } from '../store/object-store.ts';
import { selectsLabels } from './label-selector.ts';

export type Params = readonly (Readonly<JsonObject> | null)[] | { readonly problem: string };

interface ParamKind {
  readonly apiVersion: string;
  readonly kind: string;
}

const shown = ({ apiVersion, kind }: ParamKind): string => `&ParamKind{APIVersion:${apiVersion},Kind:${kind},}`;

/** What a policy is asked with, one time for each; or why it cannot be asked. */
export function paramsOf(
  store: ObjectStore,
  registry: Registry,
  paramKind: ParamKind | undefined,
  paramRef: Readonly<JsonObject> | undefined,
  namespace: string | undefined,
): Params {
  if (!paramKind || !paramRef) return [null];
  const definition = registry.findKind(paramKind.apiVersion, paramKind.kind);
  if (!definition) {
    return {
      problem: `failed to find resource referenced by paramKind: '${paramKind.apiVersion}, Kind=${paramKind.kind}'`,
    };
  }
  const given = stringAt(paramRef, 'namespace') ?? '';
  if (given !== '' && !definition.namespaced) {
    return { problem: 'paramRef.namespace must not be provided for a cluster-scoped `paramKind`' };
  }
  const place = definition.namespaced ? (given === '' ? namespace : given) : undefined;
  if (definition.namespaced && place === undefined) {
    return { problem: 'cannot use namespaced paramRef in policy binding that matches cluster-scoped resources' };
  }
  const name = stringAt(paramRef, 'name') ?? '';
  const selector = objectAt(paramRef, 'selector');
  const named = name === '' ? undefined : store.get(keyOf(definition, place, name));
  const found =
    name !== ''
      ? [...(named ? [named] : [])]
      : selector
        ? store
            .list(prefixOf(definition, place))
            .map(({ object }) => object)
            .filter((object) => selectsLabels(selector, objectAt(object, 'metadata', 'labels') ?? {}))
        : undefined;
  if (!found) return { problem: `paramKind kind \`${shown(paramKind)}\` has no name and no selector` };
  if (found.length === 0 && stringAt(paramRef, 'parameterNotFoundAction') === 'Deny') {
    return { problem: 'no params found for policy binding with `Deny` parameterNotFoundAction' };
  }
  return found.map((object) => present(definition, object));
}

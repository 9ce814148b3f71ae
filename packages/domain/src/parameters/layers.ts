import type { ParameterTemplate, TemplateItem } from '../catalog/template.ts';
import { allowedOf } from './check.ts';
import { itemTime, type ParameterItem, type ParameterItems } from './item.ts';
import { quote, unquote } from './quoting.ts';

/**
 * How the value of a parameter comes about: template < class < user.
 *
 * Invariants (tests cite them):
 * 1. Every item of the template has a value, and a later layer wins over an earlier one.
 * 2. Names are those of the template, whatever case a layer writes them in; a name that is not in the template is kept
 *    as a locked, dynamic, invisible item (the original's rule for classes).
 * 3. The engine is told only what differs from its own default: a value equal to the template's default is left out
 *    unless the template says that the engine's differs.
 * 4. The stack's own parameters that depend on the instance (addresses, files, upstream) are in no layer: their
 *    template values are the engine's defaults, and so are left out.
 */

/** The template with the class's values as defaults. Source: facts §5.7.1. */
export function mergeTemplate(
  template: ParameterTemplate,
  classParameters: Readonly<Record<string, string>>,
): ReadonlyMap<string, TemplateItem> {
  const merged = new Map(template.items.map((item) => [item.name, item]));
  for (const [name, value] of Object.entries(classParameters)) {
    const item = template.find(name);
    merged.set(item?.name ?? name, withDefault(item ?? unknownItem(name), value));
  }
  return merged;
}

function withDefault(item: TemplateItem, value: string): TemplateItem {
  return { ...item, defaultValue: writeValue(item, value), engineDefault: item.engineDefault ?? item.defaultValue };
}

const unknownItem = (name: string): TemplateItem => ({
  name,
  defaultValue: '',
  isDynamic: true,
  isVisible: false,
  isUserChangeable: false,
  optional: '',
  type: 'STRING',
  isDeleted: false,
  comment: '',
});

/** A value as the ConfigMaps hold it: free strings in quotes, numbers and words bare. */
export function writeValue(item: TemplateItem, value: string): string {
  const bare = unquote(value);
  const kind = allowedOf(item).kind;
  const isText = item.type === 'STRING' && (kind === 'anything' || item.defaultValue.startsWith("'"));
  return isText ? quote(bare) : bare;
}

/** The parameters of a new cluster; both ConfigMaps begin with them. */
export function initialItems(
  merged: ReadonlyMap<string, TemplateItem>,
  template: ParameterTemplate,
  userParameters: Readonly<Record<string, string>>,
  now: Date,
): ParameterItems {
  const updateTime = itemTime(now);
  const items = new Map<string, ParameterItem>();
  for (const { name, defaultValue } of merged.values()) items.set(name, { name, value: defaultValue, updateTime });
  for (const [given, value] of Object.entries(userParameters)) {
    const item = template.find(given);
    const name = item?.name ?? given;
    items.set(name, { name, value: item ? writeValue(item, value) : value, updateTime });
  }
  return items;
}

/** Name to bare value of what the engine must be told; see invariant 3. */
export function engineParameters(
  merged: ReadonlyMap<string, TemplateItem>,
  values: ReadonlyMap<string, string>,
): Readonly<Record<string, string>> {
  const told = [...values].filter(([name, value]) => {
    const item = merged.get(name);
    return item === undefined || item.engineDefault !== undefined || unquote(value) !== unquote(item.defaultValue);
  });
  return Object.fromEntries(told.sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, value]) => [name, unquote(value)]));
}

export interface ParameterLayers {
  readonly template: ParameterTemplate;
  readonly classParameters: Readonly<Record<string, string>>;
  readonly userParameters: Readonly<Record<string, string>>;
}

/** All of it for a new cluster: what the ConfigMaps hold and what its engines are told. */
export function initialParameters(
  { template, classParameters, userParameters }: ParameterLayers,
  now: Date,
): { readonly items: ParameterItems; readonly engine: Readonly<Record<string, string>> } {
  const merged = mergeTemplate(template, classParameters);
  const items = initialItems(merged, template, userParameters, now);
  return { items, engine: engineParameters(merged, itemValues(items)) };
}

export const itemValues = (items: ParameterItems): ReadonlyMap<string, string> =>
  new Map([...items].map(([name, { value }]) => [name, value]));

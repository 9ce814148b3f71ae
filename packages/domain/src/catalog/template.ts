import { parse } from 'yaml';
import { type CatalogConfigMap, catalogError, catalogLabels } from './config-map.ts';

/**
 * One parameter of an engine's major version, in the form of the original with two fields more. Values are written as
 * in a configuration file: numbers in `baseUnit` or with a unit of their own, strings in single quotes.
 */
export interface TemplateItem {
  readonly name: string;
  /** What a cluster gets unless its class or its user says otherwise. */
  readonly defaultValue: string;
  /** Takes effect without a restart. */
  readonly isDynamic: boolean;
  readonly isVisible: boolean;
  readonly isUserChangeable: boolean;
  /** `[min-max]`, `[a|b|c]`, a regular expression from `^` to `$`, or empty: anything. */
  readonly optional: string;
  readonly type: 'INT' | 'DOUBLE' | 'STRING';
  readonly isDeleted: boolean;
  readonly comment: string;
  /** What a bare number counts: `kB`, `8kB`, `ms`, `s`, ... */
  readonly baseUnit?: string;
  /** The engine's own default where ours differs, or where `initdb` may write another. */
  readonly engineDefault?: string;
}

export interface ParameterTemplate {
  readonly major: number;
  readonly items: readonly TemplateItem[];
  /** Finds an item; the engine does not tell upper from lower case, and neither does this. */
  find(name: string): TemplateItem | undefined;
}

export const templateName = (major: number): string => `postgresql-${major}-mycnf-template`;
const KEY = 'mycnf_template';

/** Every line an item in JSON, as our generator writes it: two hundred times faster than YAML, and YAML as well. */
function parseItems(text: string): unknown {
  const lines = text.trimEnd().split('\n');
  return lines.every((line) => line.startsWith('- {') && line.endsWith('}'))
    ? lines.map((line): unknown => JSON.parse(line.slice(2)))
    : parse(text);
}

/** Reads a template ConfigMap. Throws `CatalogInvalid`. */
export function readTemplate(configMap: CatalogConfigMap): ParameterTemplate {
  const text = configMap.data?.[KEY];
  if (text === undefined) throw catalogError(configMap, `has no key ${KEY}`);
  let raw: unknown;
  try {
    raw = parseItems(text);
  } catch (error) {
    throw catalogError(
      configMap,
      `${KEY} is not YAML: ${error instanceof Error ? error.message : String(error)}`,
      error,
    );
  }
  if (!Array.isArray(raw)) throw catalogError(configMap, `${KEY} is not a list`);
  const items = raw.map((item, index) => toItem(configMap, item, index));
  const major = Number.parseInt(configMap.metadata?.labels?.[catalogLabels.dbVersion] ?? '', 10);
  if (!Number.isInteger(major)) throw catalogError(configMap, `has no label ${catalogLabels.dbVersion}`);
  return createTemplate(major, items);
}

export function createTemplate(major: number, items: readonly TemplateItem[]): ParameterTemplate {
  const byName = new Map(items.filter((item) => !item.isDeleted).map((item) => [item.name.toLowerCase(), item]));
  return { major, items: [...byName.values()], find: (name) => byName.get(name.toLowerCase()) };
}

function toItem(configMap: CatalogConfigMap, raw: unknown, index: number): TemplateItem {
  const fields = (typeof raw === 'object' && raw !== null ? raw : {}) as Readonly<Record<string, unknown>>;
  const text = (key: string): string => {
    const value = fields[key];
    if (value === undefined || value === null) return '';
    if (typeof value === 'string') return value;
    if (typeof value === 'number' || typeof value === 'boolean') return String(value);
    throw catalogError(configMap, `item ${index + 1}: ${key} is neither text nor a number`);
  };
  const name = text('name');
  if (name === '') throw catalogError(configMap, `item ${index + 1} has no name`);
  const unit = text('unit').toUpperCase();
  const optional = text('optional');
  if (optional.startsWith('^') && !isPattern(optional)) {
    throw catalogError(configMap, `item ${index + 1} (${name}): ${optional} is not a regular expression`);
  }
  return {
    name,
    defaultValue: text('default_value'),
    isDynamic: text('is_dynamic') === '1',
    isVisible: text('is_visible') === '1',
    isUserChangeable: text('is_user_changable') === '1',
    optional,
    type: unit === 'INT' || unit === 'DOUBLE' ? unit : 'STRING',
    isDeleted: text('is_deleted') === '1',
    comment: text('comment'),
    ...(fields.base_unit !== undefined && { baseUnit: text('base_unit') }),
    ...(fields.engine_default !== undefined && { engineDefault: text('engine_default') }),
  };
}

function isPattern(source: string): boolean {
  try {
    new RegExp(source);
    return true;
  } catch {
    return false;
  }
}

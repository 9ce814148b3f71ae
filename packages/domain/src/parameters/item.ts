/**
 * Parameter items as they lie in the ConfigMaps `<c>-user-params` and `<c>-running-params`: key = name, value = JSON.
 * Source of the form: the original.
 */
export interface ParameterItem {
  readonly name: string;
  /** As in a configuration file; strings in single quotes. */
  readonly value: string;
  /** When the value was set, RFC 3339. */
  readonly updateTime: string;
  /** A value that waits for a restart. */
  readonly inoperativeValue?: string;
}

export type ParameterItems = ReadonlyMap<string, ParameterItem>;

/** `YYYY-MM-DDThh:mm:ssZ`, in UTC. */
export const itemTime = (date: Date): string => `${date.toISOString().slice(0, 19)}Z`;

/** The data of a parameter ConfigMap, in the order of the names. */
export function formatItems(items: ParameterItems): Record<string, string> {
  const sorted = [...items.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  return Object.fromEntries(
    sorted.map(({ name, value, updateTime, inoperativeValue }) => [
      name,
      JSON.stringify({ name, value, updateTime, inoperative_value: inoperativeValue ?? '' }),
    ]),
  );
}

export interface ParsedItems {
  readonly items: ParameterItems;
  /** Keys whose text is no item, with the reason; users edit these ConfigMaps by hand. */
  readonly broken: readonly { readonly key: string; readonly reason: string }[];
}

/** Reads the data of a parameter ConfigMap; what cannot be read is named and left out. */
export function parseItems(data: Readonly<Record<string, string>> | undefined): ParsedItems {
  const items = new Map<string, ParameterItem>();
  const broken: { key: string; reason: string }[] = [];
  for (const [key, text] of Object.entries(data ?? {})) {
    const parsed = parseItem(key, text);
    if (typeof parsed === 'string') broken.push({ key, reason: parsed });
    else items.set(key, parsed);
  }
  return { items, broken };
}

function parseItem(key: string, text: string): ParameterItem | string {
  let raw: unknown;
  try {
    raw = JSON.parse(text);
  } catch (error) {
    return `is not JSON: ${error instanceof Error ? error.message : String(error)}`;
  }
  if (typeof raw !== 'object' || raw === null) return 'is not a JSON object';
  const { name, value, updateTime, inoperative_value: inoperative } = raw as Readonly<Record<string, unknown>>;
  if (name !== undefined && name !== key) return `has the name ${JSON.stringify(name)}`;
  if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'boolean') return 'has no value';
  return {
    name: key,
    value: String(value),
    updateTime: typeof updateTime === 'string' ? updateTime : '',
    ...(typeof inoperative === 'string' && inoperative !== '' && { inoperativeValue: inoperative }),
  };
}

import { type CatalogConfigMap, catalogError, catalogLabels, hasLabels, LOCAL_MODE } from './config-map.ts';

/** An instance class: the size of an instance and the parameters that follow from it. */
export interface InstanceClass {
  readonly name: string;
  /** For people, e.g. `1 CPU, 512 MiB`. */
  readonly displayName: string;
  /** Major of the engine; absent: any. */
  readonly major?: number;
  /** Cores. A limit that the class does not give is no limit, and a request none. */
  readonly cpu: { readonly limit?: number; readonly request?: number };
  /** MiB. */
  readonly memory: { readonly limit?: number; readonly request?: number };
  /** Default size of the volume in MiB. */
  readonly storage?: number;
  /** Parameter values; they go over the template's. */
  readonly parameters: Readonly<Record<string, string>>;
}

/** Number of a key, absent where the key is. (The original reads a missing key as 0, which means a limit of nothing.) */
function number(configMap: CatalogConfigMap, key: string): number | undefined {
  const text = configMap.data?.[key];
  if (text === undefined || text === '') return undefined;
  const value = Number(text);
  if (!Number.isFinite(value) || value < 0)
    throw catalogError(configMap, `${key}: ${JSON.stringify(text)} is no number`);
  return value;
}

const pair = (limit: number | undefined, request: number | undefined) => ({
  ...(limit !== undefined && { limit }),
  ...(request !== undefined && { request }),
});

function majorOf(configMap: CatalogConfigMap): number | undefined {
  const label = configMap.metadata?.labels?.[catalogLabels.dbVersion];
  return label === undefined ? undefined : Number.parseInt(label, 10);
}

/**
 * The classes for local clusters: for each class key one ConfigMap of resources and at most one of parameters.
 * Throws `CatalogInvalid` where an entry cannot be read or is there twice.
 */
export function readClasses(configMaps: readonly CatalogConfigMap[]): ReadonlyMap<string, InstanceClass> {
  const base = { [catalogLabels.configType]: 'instance_level', [catalogLabels.clusterMode]: LOCAL_MODE };
  const of = (levelType: string) => {
    const found = new Map<string, CatalogConfigMap>();
    for (const configMap of configMaps) {
      if (!hasLabels(configMap, { ...base, [catalogLabels.levelType]: levelType })) continue;
      const key = configMap.metadata?.labels?.[catalogLabels.classKey];
      if (!key) throw catalogError(configMap, `has no label ${catalogLabels.classKey}`);
      const twin = found.get(key);
      if (twin) throw catalogError(configMap, `describes class ${key}, as ConfigMap ${twin.metadata?.name} does`);
      found.set(key, configMap);
    }
    return found;
  };
  const parameters = of('instance_level_config');
  return new Map(
    [...of('instance_level_resource')].map(([name, configMap]): [string, InstanceClass] => {
      const major = majorOf(configMap);
      const storage = number(configMap, 'storage');
      return [
        name,
        {
          name,
          displayName: configMap.metadata?.annotations?.['polarbox.class.name'] ?? name,
          cpu: pair(number(configMap, 'cpu_cores'), number(configMap, 'cpu_cores_request')),
          memory: pair(number(configMap, 'mem_limit'), number(configMap, 'mem_request')),
          parameters: parameters.get(name)?.data ?? {},
          ...(major !== undefined && { major }),
          ...(storage !== undefined && { storage }),
        },
      ];
    }),
  );
}

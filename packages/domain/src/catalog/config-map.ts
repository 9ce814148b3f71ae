import { StackError } from '@polarstack/base';

/** What the catalog reads of a ConfigMap; every ConfigMap type fits it. */
export interface CatalogConfigMap {
  readonly metadata?: {
    readonly name?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly data?: Readonly<Record<string, string>>;
}

/** Labels by which catalog ConfigMaps are found. Source: the original. */
export const catalogLabels = {
  configType: 'configtype',
  levelType: 'leveltype',
  clusterMode: 'dbClusterMode',
  dbType: 'dbType',
  dbVersion: 'dbVersion',
  classKey: 'classKey',
} as const;

/** `dbClusterMode` of clusters whose instances have storage of their own. */
export const LOCAL_MODE = 'Local';

export function hasLabels(configMap: CatalogConfigMap, wanted: Readonly<Record<string, string>>): boolean {
  const labels = configMap.metadata?.labels ?? {};
  return Object.entries(wanted).every(([key, value]) => labels[key] === value);
}

export function catalogError(configMap: CatalogConfigMap, problem: string, cause?: unknown): StackError {
  return new StackError('CatalogInvalid', `ConfigMap ${configMap.metadata?.name ?? '(without a name)'}: ${problem}`, {
    cause,
  });
}

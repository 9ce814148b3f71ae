import type { MPDClusterSpecInput } from './types.ts';

/** The operator that a cluster belongs to unless it says otherwise. Source: the original's flag. */
export const DEFAULT_OPERATOR = 'polar-mpd';

/** How a data directory is made where the spec does not say; the schema's defaults of `spec.initdb`. */
export const initdbDefaults = {
  encoding: 'UTF8',
  locale: 'C.UTF-8',
  dataChecksums: true,
  database: 'app',
  owner: 'app',
} as const;

export interface InitdbOptions {
  readonly encoding: string;
  readonly locale: string;
  readonly dataChecksums: boolean;
  readonly database: string;
  readonly owner: string;
}

export function initdbOptions(spec: Pick<MPDClusterSpecInput, 'initdb'>): InitdbOptions {
  const asked = spec.initdb ?? {};
  return {
    encoding: asked.encoding ?? initdbDefaults.encoding,
    locale: asked.locale ?? initdbDefaults.locale,
    dataChecksums: asked.dataChecksums ?? initdbDefaults.dataChecksums,
    database: asked.database ?? initdbDefaults.database,
    owner: asked.owner ?? initdbDefaults.owner,
  };
}

/** The engine of a cluster: what it asks for, else PolarDB on shared storage and PostgreSQL on local storage. */
export function engineType(spec: Pick<MPDClusterSpecInput, 'engine' | 'dbClusterType'>): 'polardb' | 'postgres' {
  return spec.engine?.type ?? (spec.dbClusterType === 'share' ? 'polardb' : 'postgres');
}

/** The port of every engine, where the cluster asks for the network of the host; undefined in the pod network. */
export function hostPort(spec: Pick<MPDClusterSpecInput, 'netCfg'>): number | undefined {
  return spec.netCfg?.engineStartPort || undefined;
}

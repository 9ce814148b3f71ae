import { initdbOptions, type MPDCluster, type MPDClusterStatus } from '@polarstack/api';

export type AppliedSpec = NonNullable<MPDClusterStatus['appliedSpec']>;

/**
 * What of a spec its instances are made with, and no operation changes yet. It is recorded in the status by the very
 * write that records the ids: a later spec is compared with it, whoever restarts meanwhile.
 */
export function appliedSpec({ spec }: Pick<MPDCluster, 'spec'>): AppliedSpec {
  const { parameters = {}, localStore, netCfg, durability, engine } = spec;
  const versionName = spec.versionCfg?.versionName;
  return {
    parameters: { ...parameters },
    initdb: { ...initdbOptions(spec) },
    durability: { mode: durability?.mode ?? 'async', minSync: durability?.minSync ?? 1 },
    ...(localStore && { localStore }),
    ...(netCfg && { netCfg }),
    ...(engine && { engine }),
    ...(versionName && { versionCfg: { versionName } }),
  };
}

const recorded: ReadonlySet<string> = new Set([
  'parameters',
  'initdb',
  'durability',
  'localStore',
  'netCfg',
  'engine',
] satisfies readonly (keyof AppliedSpec)[]);

/**
 * The cluster as its instances were made: what users have changed in the spec since, and nobody has carried out, is as
 * it was. Everything that makes or mends an object of a living cluster reads this one.
 */
export function asApplied(cluster: MPDCluster): MPDCluster {
  const applied = cluster.status?.appliedSpec;
  if (!applied) return cluster;
  // What is not in the record was not in the spec.
  const rest = Object.entries(cluster.spec).filter(([field]) => !recorded.has(field));
  const made = Object.entries(applied).filter(([field]) => recorded.has(field));
  return { ...cluster, spec: Object.fromEntries([...rest, ...made]) as MPDCluster['spec'] };
}

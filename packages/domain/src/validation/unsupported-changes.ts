import { hostPort, type MPDCluster } from '@polarstack/api';
import { bytesOf } from '@polarstack/base';
import { type AppliedSpec, appliedSpec } from '../cluster/applied-spec.ts';
import { isPlanned } from '../operations/planners/index.ts';
import { wantedClass, wantedVersion } from '../operations/requests.ts';
import type { ClusterLookups } from './lookups.ts';
import { notYet } from './not-supported.ts';
import type { Problem } from './problem.ts';

const back = (what: string): string => `Set it back to ${what}; the cluster runs on unchanged.`;
const NOT_SET = 'not set';

type Change = (field: string, what: string, from: string, to: string, remedy?: string) => void;

/** Changes of a cluster that exists and that cannot be carried out: by no operation yet, or because what is named is unknown. */
export function unsupportedChanges(cluster: MPDCluster, lookups: ClusterLookups): readonly Problem[] {
  const { spec, status } = cluster;
  const instances = Object.values(status?.dbInstanceStatus ?? {});
  const applied = status?.appliedSpec;
  const problems: Problem[] = [];
  const change: Change = (field, what, from, to, remedy = from === NOT_SET ? 'Leave it out.' : back(from)) => {
    problems.push(notYet(`spec.${field}`, `${what} cannot be changed yet (${from} to ${to})`, remedy));
  };
  problems.push(...unknownClass(cluster, lookups), ...unknownVersion(cluster, lookups));
  changedMajor(cluster, change);
  const replicas = instances.filter((instance) => instance.insType === 'ro').length;
  const scale = spec.followerNum > replicas ? 'AddRo' : 'RemoveRo';
  if (instances.length > 0 && replicas !== spec.followerNum && !isPlanned(scale)) {
    change('followerNum', 'the number of ROs', String(replicas), String(spec.followerNum));
  }
  changedPort(cluster, change);
  if (applied) changedFields(cluster, applied, change);
  problems.push(...shrunkVolumes(cluster));
  return problems;
}

function unknownClass(cluster: MPDCluster, { classes }: ClusterLookups): readonly Problem[] {
  const name = wantedClass(cluster);
  if (name === undefined || classes.has(name)) return [];
  const field = cluster.spec.classInfoModifyTo?.className === name ? 'classInfoModifyTo' : 'classInfo';
  const remedy = `Known classes: ${[...classes.keys()].sort().join(', ')}.`;
  return [{ code: 'ClassUnknown', path: `spec.${field}.className`, message: `there is no class ${name}`, remedy }];
}

function unknownVersion(cluster: MPDCluster, { versions }: ClusterLookups): readonly Problem[] {
  const { spec, status } = cluster;
  const wanted = wantedVersion(cluster);
  const major = Number.parseInt(status?.engine?.version ?? '', 10);
  if (!wanted || (wanted.exact !== undefined && Number.parseInt(wanted.exact, 10) !== major)) return [];
  const { versionName, exact } = wanted;
  if (versions.some(({ name, version }) => (versionName === undefined ? version === exact : name === versionName))) {
    return [];
  }
  const named = spec.versionCfgModifyTo?.versionName === versionName ? 'versionCfgModifyTo' : 'versionCfg';
  const path = versionName === undefined ? 'spec.engine.version' : `spec.${named}.versionName`;
  const offered = versions.filter((one) => one.major === major).map(({ name, version }) => `${name} (${version})`);
  const remedy = `Offered: ${offered.join(', ') || 'none'}.`;
  const message = `the catalog has no version ${versionName ?? exact}`;
  return [{ code: 'VersionNotInstalled', path, message, remedy }];
}

function changedMajor({ spec, status }: MPDCluster, change: Change): void {
  const major = status?.engine?.version?.split('.')[0];
  const wanted = spec.engine?.version;
  if (major && wanted !== undefined && wanted.split('.')[0] !== major) {
    change('engine.version', 'the version', major, wanted, back(`"${major}"`));
  }
}

function changedPort({ spec, status }: MPDCluster, change: Change): void {
  const net = Object.values(status?.dbInstanceStatus ?? {})[0]?.netInfo;
  if (!net?.workingPort) return;
  const [before, after] = [net.netType === 'host' ? net.workingPort : undefined, hostPort(spec)];
  if (before === after) return;
  const name = (port: number | undefined) => (port === undefined ? 'that of the pods' : `host port ${port}`);
  const remedy = before === undefined ? 'Leave it out.' : back(String(before));
  change('netCfg.engineStartPort', 'the network', name(before), name(after), remedy);
}

/** Fields that are compared one by one, and what they say. */
const groups = {
  localStore: 'the volumes of the instances',
  initdb: 'the way the data directory was made',
  netCfg: 'the network',
  durability: 'when a commit counts',
} as const satisfies Partial<Record<keyof AppliedSpec, string>>;

/** Compared elsewhere, with better words. */
const elsewhere: ReadonlySet<string> = new Set([
  'netCfg.engineStartPort',
  'netCfg.leaderFloatingIP',
  'localStore.size',
  // It is heeded as it stands.
  'localStore.autoGrow',
]);

function changedFields(cluster: MPDCluster, applied: AppliedSpec, change: Change): void {
  const wanted = appliedSpec(cluster);
  for (const [group, what] of Object.entries(groups) as [keyof typeof groups, string][]) {
    // That it cannot be synchronous is said already.
    if (group === 'durability' && wanted.durability?.mode === 'sync') continue;
    const [before, after] = [fieldsOf(applied[group]), fieldsOf(wanted[group])];
    for (const field of new Set([...before.keys(), ...after.keys()])) {
      const [from, to] = [before.get(field) ?? NOT_SET, after.get(field) ?? NOT_SET];
      if (from !== to && !elsewhere.has(`${group}.${field}`)) change(`${group}.${field}`, what, from, to);
    }
  }
}

/** What is set of a group; programs of the original write `""` and 0 where nothing is. */
function fieldsOf(group: AppliedSpec[keyof typeof groups]): ReadonlyMap<string, string> {
  const set = Object.entries(group ?? {}).filter(([, value]) => value !== '' && value !== 0 && value !== undefined);
  return new Map(set.map(([name, value]) => [name, typeof value === 'object' ? JSON.stringify(value) : String(value)]));
}

/** Volumes only grow; leaving the size out leaves it as it is. */
function shrunkVolumes({ spec, status }: MPDCluster): readonly Problem[] {
  const [before, after] = [status?.appliedSpec?.localStore?.size, spec.localStore?.size];
  const [from, to] = [bytesOf(before), bytesOf(after)];
  if (from === undefined || to === undefined || to >= from) return [];
  const message = `volumes cannot be made smaller (${before} to ${after})`;
  return [{ code: 'VolumeCannotShrink', path: 'spec.localStore.size', message, remedy: back(String(before)) }];
}

import { hostPort, type MPDCluster } from '@polarstack/api';
import { type AppliedSpec, appliedSpec } from '../cluster/applied-spec.ts';
import { isPlanned } from '../operations/planners/index.ts';
import { unquote } from '../parameters/quoting.ts';
import type { ClusterLookups } from './lookups.ts';
import { notYet } from './not-supported.ts';
import type { Problem } from './problem.ts';

const back = (what: string): string => `Set it back to ${what}; the cluster runs on unchanged.`;
const NOT_SET = 'not set';

type Change = (field: string, what: string, from: string, to: string, remedy?: string) => void;

/** Changes of a cluster that exists and that no operation carries out yet. */
export function unsupportedChanges(cluster: MPDCluster, lookups: ClusterLookups): readonly Problem[] {
  const { spec, status } = cluster;
  const instances = Object.values(status?.dbInstanceStatus ?? {});
  const applied = status?.appliedSpec;
  const problems: Problem[] = [];
  const change: Change = (field, what, from, to, remedy = from === NOT_SET ? 'Leave it out.' : back(from)) => {
    problems.push(notYet(`spec.${field}`, `${what} cannot be changed yet (${from} to ${to})`, remedy));
  };
  if (!isPlanned('ModifyClass')) changedClass(cluster, change);
  changedVersion(cluster, change);
  const replicas = instances.filter((instance) => instance.insType === 'ro').length;
  const scale = spec.followerNum > replicas ? 'AddRo' : 'RemoveRo';
  if (instances.length > 0 && replicas !== spec.followerNum && !isPlanned(scale)) {
    change('followerNum', 'the number of ROs', String(replicas), String(spec.followerNum));
  }
  changedPort(cluster, change);
  if (applied) changedFields(cluster, applied, change);
  if (!isPlanned('FlushParams')) changedParameters(cluster, lookups, change);
  return problems;
}

function changedClass({ spec, status }: MPDCluster, change: Change): void {
  const applied = status?.insClassInfo?.className;
  const next = spec.classInfoModifyTo?.className;
  if (applied && spec.classInfo.className !== applied) {
    change('classInfo.className', 'the class', applied, spec.classInfo.className);
  } else if (applied && next && next !== applied) {
    change('classInfoModifyTo.className', 'the class', applied, next, 'Leave it empty.');
  }
}

function changedVersion({ spec, status }: MPDCluster, change: Change): void {
  const applied = status?.appliedSpec;
  const major = status?.engine?.version?.split('.')[0];
  const wanted = spec.engine?.version;
  const running = Object.values(status?.dbInstanceStatus ?? {}).flatMap(({ engine }) => engine?.version ?? []);
  if (major && wanted !== undefined && wanted.split('.')[0] !== major) {
    change('engine.version', 'the version', major, wanted, back(`"${major}"`));
  } else if (applied && wanted?.includes('.') && wanted !== applied.engine?.version && !running.includes(wanted)) {
    const from = applied.engine?.version ?? major ?? NOT_SET;
    change('engine.version', 'the minor version', running[0] ?? from, wanted, back(`"${from}"`));
  }
  if (isPlanned('UpgradeMinorVersion')) return;
  const named = applied?.versionCfg?.versionName ?? '';
  const name = spec.versionCfg?.versionName ?? '';
  if (applied && name !== named) {
    change('versionCfg.versionName', 'the version', named || NOT_SET, name || NOT_SET);
  }
  const next = spec.versionCfgModifyTo?.versionName;
  if (next && next !== name) {
    change('versionCfgModifyTo.versionName', 'the version', name || 'unnamed', next, 'Leave it empty.');
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
const elsewhere: ReadonlySet<string> = new Set(['netCfg.engineStartPort', 'netCfg.leaderFloatingIP']);

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

function changedParameters({ spec, status }: MPDCluster, lookups: ClusterLookups, change: Change): void {
  const { template, running } = lookups;
  const found = template(Number.parseInt(status?.engine?.version ?? '', 10));
  const canonical = (name: string): string => found?.find(name)?.name ?? name;
  const made = status?.appliedSpec?.parameters;
  const applied = new Map(Object.entries(made ?? {}).map(([name, value]) => [canonical(name), value]));
  const wanted = Object.entries(spec.parameters ?? {});
  for (const [name, value] of wanted) {
    const known = canonical(name);
    const before = running?.get(known) ?? applied.get(known) ?? (made ? NOT_SET : undefined);
    if (before !== undefined && unquote(before) !== unquote(value)) {
      change(`parameters.${name}`, known, unquote(before), unquote(value));
    }
  }
  const kept = new Set(wanted.map(([name]) => canonical(name)));
  for (const [name, value] of applied) {
    if (!kept.has(name)) change(`parameters.${name}`, name, unquote(value), NOT_SET);
  }
}

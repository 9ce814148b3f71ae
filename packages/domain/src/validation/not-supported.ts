import { engineType, hostPort, type MPDCluster } from '@polarstack/api';
import { unquote } from '../parameters/quoting.ts';
import type { ClusterLookups } from './lookups.ts';
import type { Problem } from './problem.ts';

const notYet = (path: string, message: string, remedy: string): Problem => ({
  code: 'NotSupportedYet',
  path,
  message,
  remedy,
});

/** Kinds of clusters that cannot be made yet: nothing else of such a spec is looked at. */
export function unsupportedKind({ spec }: MPDCluster): Problem | undefined {
  if (spec.dbClusterType === 'share') {
    return notYet(
      'spec.dbClusterType',
      'clusters on shared storage cannot be made yet',
      'Use dbClusterType local with engine.type postgres.',
    );
  }
  if (engineType(spec) === 'polardb') {
    return notYet('spec.engine.type', 'the engine polardb cannot be run yet', 'Use engine.type postgres.');
  }
  return undefined;
}

/** Single wishes that cannot be fulfilled yet. */
export function unsupportedWishes({ spec }: MPDCluster): readonly Problem[] {
  const problems: Problem[] = [];
  if (spec.durability?.mode === 'sync') {
    problems.push(
      notYet(
        'spec.durability.mode',
        'synchronous replication cannot be set up yet',
        'Use durability.mode async: a commit counts when the RW has it on disk.',
      ),
    );
  }
  if (spec.ha && (spec.ha.mode === 'auto' || spec.ha.profile !== 'default')) {
    problems.push(
      notYet('spec.ha', 'automatic failover is not there yet', 'Leave spec.ha out, or set only ha.mode manual.'),
    );
  }
  if (spec.dbProxyInfo?.enabled) {
    problems.push(
      notYet('spec.dbProxyInfo.enabled', 'proxies cannot be made yet', 'Set it to false, or leave it out.'),
    );
  }
  if (spec.netCfg?.leaderFloatingIP) {
    problems.push(
      notYet(
        'spec.netCfg.leaderFloatingIP',
        'floating addresses cannot be set up yet',
        'Leave it out: Service <cluster>-rw follows the RW.',
      ),
    );
  }
  if (spec.localVolName) {
    problems.push(
      notYet(
        'spec.localVolName',
        'MPDLocalVolume cannot be used yet',
        'Leave it out: each instance gets a PVC; localStore says its size and storage class.',
      ),
    );
  }
  return problems;
}

const back = (what: string): string => `Set it back to ${what}; the cluster runs on unchanged.`;

/** Changes of a cluster that exists and that no operation carries out yet. */
export function unsupportedChanges({ spec, status }: MPDCluster, lookups: ClusterLookups): readonly Problem[] {
  const instances = Object.values(status?.dbInstanceStatus ?? {});
  const problems: Problem[] = [];
  const change = (field: string, what: string, from: string, to: string, remedy = back(from)) => {
    problems.push(notYet(`spec.${field}`, `${what} cannot be changed yet (${from} to ${to})`, remedy));
  };

  const applied = status?.insClassInfo?.className;
  const next = spec.classInfoModifyTo?.className;
  if (applied && spec.classInfo.className !== applied) {
    change('classInfo.className', 'the class', applied, spec.classInfo.className);
  } else if (applied && next && next !== applied) {
    change('classInfoModifyTo.className', 'the class', applied, next, 'Leave it empty.');
  }

  const major = status?.engine?.version?.split('.')[0];
  const wanted = spec.engine?.version;
  if (major && wanted !== undefined && wanted.split('.')[0] !== major) {
    change('engine.version', 'the version', major, wanted, back(`"${major}"`));
  }
  const version = spec.versionCfgModifyTo?.versionName;
  if (version && version !== spec.versionCfg?.versionName) {
    const from = spec.versionCfg?.versionName || 'unnamed';
    change('versionCfgModifyTo.versionName', 'the version', from, version, 'Leave it empty.');
  }

  const replicas = instances.filter((instance) => instance.insType === 'ro').length;
  if (instances.length > 0 && replicas !== spec.followerNum) {
    change('followerNum', 'the number of ROs', String(replicas), String(spec.followerNum));
  }

  const net = instances[0]?.netInfo;
  if (net?.workingPort) {
    const [before, after] = [net.netType === 'host' ? net.workingPort : undefined, hostPort(spec)];
    const name = (port: number | undefined) => (port === undefined ? 'that of the pods' : `host port ${port}`);
    if (before !== after) {
      const remedy = before === undefined ? 'Leave it out.' : back(String(before));
      change('netCfg.engineStartPort', 'the network', name(before), name(after), remedy);
    }
  }
  changedParameters(spec.parameters ?? {}, lookups, major, change);
  return problems;
}

type Change = (field: string, what: string, from: string, to: string, remedy?: string) => void;

function changedParameters(
  wanted: Readonly<Record<string, string>>,
  { template, running, appliedParameters }: ClusterLookups,
  major: string | undefined,
  change: Change,
): void {
  for (const [name, value] of Object.entries(wanted)) {
    const canonical = (major && template(Number(major))?.find(name)?.name) || name;
    const before = running?.get(canonical) ?? (appliedParameters ? (appliedParameters[name] ?? 'not set') : undefined);
    if (before !== undefined && unquote(before) !== unquote(value)) {
      change(`parameters.${name}`, canonical, unquote(before), unquote(value));
    }
  }
  for (const [name, value] of Object.entries(appliedParameters ?? {})) {
    if (wanted[name] === undefined) change(`parameters.${name}`, name, value, 'not set');
  }
}

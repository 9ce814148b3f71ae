import { engineType, hostPort, type MPDCluster } from '@polarstack/api';
import { isCreated } from '../status/cluster-status.ts';

/** A wish about a cluster that exists which no operation can carry out yet. */
export interface UnsupportedChange {
  readonly field: string;
  readonly message: string;
  readonly remedy: string;
}

/**
 * The first change that the spec asks of a created cluster and that is not built yet; undefined where it asks for
 * nothing new. `appliedParameters` are the engine parameters that the cluster was made with.
 */
export function unsupportedChange(
  cluster: MPDCluster,
  appliedParameters: Readonly<Record<string, string>> | undefined,
): UnsupportedChange | undefined {
  if (!isCreated(cluster)) return undefined;
  const { spec, status = {} } = cluster;
  const change = (field: string, from: string, to: string): UnsupportedChange => ({
    field,
    message: `${field} cannot be changed yet: it is ${from} and the spec asks for ${to}`,
    remedy: `Set ${field} back to ${from}; the cluster runs on unchanged. Changing it comes with a later version.`,
  });
  const className = status.insClassInfo?.className;
  if (className && spec.classInfo.className !== className) {
    return change('spec.classInfo.className', className, spec.classInfo.className);
  }
  const nextClass = spec.classInfoModifyTo?.className;
  if (className && nextClass && nextClass !== className) {
    return change('spec.classInfoModifyTo.className', className, nextClass);
  }
  if (status.followerNum !== undefined && spec.followerNum !== status.followerNum) {
    return change('spec.followerNum', String(status.followerNum), String(spec.followerNum));
  }
  const major = status.engine?.version;
  const asked = spec.engine?.version;
  if (major && asked && asked.split('.')[0] !== major.split('.')[0]) {
    return change('spec.engine.version', major, asked);
  }
  const nextVersion = spec.versionCfgModifyTo?.versionName;
  if (nextVersion && nextVersion !== spec.versionCfg?.versionName) {
    return change('spec.versionCfgModifyTo.versionName', spec.versionCfg?.versionName || 'empty', nextVersion);
  }
  if (status.engine?.type && engineType(spec) !== status.engine.type) {
    return change('spec.engine.type', status.engine.type, engineType(spec));
  }
  return networkChange(cluster, change) ?? parameterChange(spec.parameters ?? {}, appliedParameters, change);
}

type Change = (field: string, from: string, to: string) => UnsupportedChange;

function networkChange({ spec, status }: MPDCluster, change: Change): UnsupportedChange | undefined {
  const [instance] = Object.values(status?.dbInstanceStatus ?? {});
  const { netType, workingPort } = instance?.netInfo ?? {};
  if (!netType) return undefined;
  const wanted = hostPort(spec);
  const seen = netType === 'host' ? workingPort : undefined;
  if (wanted === seen) return undefined;
  return change('spec.netCfg.engineStartPort', String(seen ?? 0), String(wanted ?? 0));
}

function parameterChange(
  wanted: Readonly<Record<string, string>>,
  applied: Readonly<Record<string, string>> | undefined,
  change: Change,
): UnsupportedChange | undefined {
  if (!applied) return undefined;
  const name = [...new Set([...Object.keys(wanted), ...Object.keys(applied)])]
    .sort()
    .find((key) => wanted[key] !== applied[key]);
  if (name === undefined) return undefined;
  return change(`spec.parameters.${name}`, applied[name] ?? 'not set', wanted[name] ?? 'not set');
}

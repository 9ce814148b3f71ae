import type { MPDCluster, MPDOperation, OperationType } from '@polarstack/api';
import { type OperationRequest, specOperationName, specRequest } from '@polarstack/domain';

/** Whether an operation is the operator's answer to this generation of the spec, or to a later one. */
export function answersSpec({ metadata }: MPDCluster, type: OperationType, generation: number) {
  const { name = '', uid = '', namespace } = metadata;
  const stem = specOperationName({ name, uid }, type, 0).slice(0, -1);
  return (operation: MPDOperation): boolean => {
    const { name: own = '', namespace: where } = operation.metadata;
    return where === namespace && own.startsWith(stem) && Number(own.slice(stem.length)) >= generation;
  };
}

/** All that a spec asks for, in the order in which the operator answers; each as if those before it were done. Pure. */
export function wishesOf(cluster: MPDCluster): readonly OperationRequest[] {
  const wishes: OperationRequest[] = [];
  for (let current = cluster; ; ) {
    const wish = specRequest(current);
    // The same again: it cannot be told how the cluster is after it.
    if (!wish || wishes.some(({ type }) => type === wish.type)) return wishes;
    wishes.push(wish);
    current = asIfDone(current, wish);
  }
}

function asIfDone(cluster: MPDCluster, { type, parameters }: OperationRequest): MPDCluster {
  const { spec, status = {} } = cluster;
  const applied = status.appliedSpec ?? {};
  const withStatus = (more: Partial<typeof status>): MPDCluster => ({ ...cluster, status: { ...status, ...more } });
  switch (type) {
    case 'ModifyClass': {
      const className = typeof parameters.className === 'string' ? parameters.className : spec.classInfo.className;
      return {
        ...withStatus({ insClassInfo: { ...status.insClassInfo, className } }),
        spec: {
          ...spec,
          classInfo: { ...spec.classInfo, className },
          classInfoModifyTo: {},
        },
      };
    }
    case 'UpgradeMinorVersion': {
      const versionName = parameters.versionName;
      const named = typeof versionName === 'string' ? { versionCfg: { versionName } } : {};
      return withStatus({ appliedSpec: { ...applied, ...(spec.engine && { engine: spec.engine }), ...named } });
    }
    case 'FlushParams':
      return withStatus({ appliedSpec: { ...applied, parameters: { ...spec.parameters } } });
    case 'AddRo':
    case 'RemoveRo': {
      const change = Number(parameters.count ?? 1);
      const made = spec.followerNum + (type === 'AddRo' ? -change : change);
      return { ...cluster, spec: { ...spec, followerNum: made } };
    }
    case 'ExtendStorage':
      return withStatus({ appliedSpec: { ...applied, ...(spec.localStore && { localStore: spec.localStore }) } });
    case 'Create':
    case 'Delete':
    case 'SwitchRw':
    case 'RestartIns':
    case 'RestartCluster':
    case 'MigrateRo':
    case 'MigrateRw':
    case 'RebuildRo':
    case 'Rebuild':
      return cluster;
  }
}

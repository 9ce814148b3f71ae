import type { OperationType } from '@polarstack/api';

/** `status.clusterStatus` while an operation of the type is under way. Source: the original, facts §3.1. */
export const operationStates: Readonly<Record<OperationType, string>> = {
  Create: 'Creating',
  Delete: 'Deleting',
  FlushParams: 'FlushParams',
  ModifyClass: 'ModifyClass',
  AddRo: 'AddRo',
  RemoveRo: 'RemoveRo',
  SwitchRw: 'SwitchRw',
  RestartIns: 'RestartIns',
  RestartCluster: 'RestartCluster',
  MigrateRo: 'MigrateRo',
  MigrateRw: 'MigrateRw',
  RebuildRo: 'RebuildRo',
  Rebuild: 'Rebuild',
  ExtendStorage: 'ExtendStorage',
  UpgradeMinorVersion: 'UpgradeMinorVersion',
};

import type { OperationParameters, OperationType } from '@polarstack/api';
import { type Planned, refused } from '../operation-plan.ts';
import { type PlanCluster, type PlanFacts, planCluster } from '../plan-facts.ts';
import { planAddRo } from './add-ro.ts';
import { planExtendStorage } from './extend-storage.ts';
import { planFlushParams } from './flush-params.ts';
import { planModifyClass } from './modify-class.ts';
import { planRebuild } from './rebuild.ts';
import { planRemoveRo } from './remove-ro.ts';
import { planMigrateRo, planMigrateRw, planRebuildRo } from './replace.ts';
import { planRestartCluster } from './restart-cluster.ts';
import { planRestartIns } from './restart-ins.ts';
import { planSwitchRw } from './switch-rw.ts';
import { planUpgradeMinorVersion } from './upgrade-minor-version.ts';

type Planner<T extends OperationType> = (
  cluster: PlanCluster,
  parameters: OperationParameters<T>,
  facts: PlanFacts,
) => Planned;

/** Operations on a living cluster; creation and deletion have workflows of their own. */
const planners: { readonly [T in OperationType]?: Planner<T> } = {
  AddRo: planAddRo,
  ExtendStorage: planExtendStorage,
  FlushParams: planFlushParams,
  MigrateRo: planMigrateRo,
  MigrateRw: planMigrateRw,
  ModifyClass: planModifyClass,
  Rebuild: planRebuild,
  RebuildRo: planRebuildRo,
  RemoveRo: planRemoveRo,
  RestartCluster: planRestartCluster,
  RestartIns: planRestartIns,
  SwitchRw: planSwitchRw,
  UpgradeMinorVersion: planUpgradeMinorVersion,
};

/** Whether operations of this type are made from a plan. */
export const isPlanned = (type: OperationType): boolean => planners[type] !== undefined;

/** The plan of an operation whose parameters were checked. */
export function planSteps<T extends OperationType>(
  type: T,
  parameters: OperationParameters<T>,
  facts: PlanFacts,
): Planned {
  const planner = planners[type] as Planner<T> | undefined;
  if (!planner)
    return refused('NotSupportedYet', `${type} cannot be planned`, 'Make or delete the MPDCluster instead.');
  const cluster = planCluster(facts);
  if (!cluster) {
    return refused('ClusterNotReady', 'the cluster has no recorded RW yet', 'Wait until it has been created.');
  }
  return planner(cluster, parameters, facts);
}

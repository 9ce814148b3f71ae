import {
  addingSteps,
  closingOf,
  copyRisks,
  isHostNetwork,
  nodeRefusal,
  removeMember,
  sourceRefusal,
} from '../member-steps.ts';
import { type Planned, planOf, refused, type StepPlan } from '../operation-plan.ts';
import { instanceOf, type PlanCluster, type PlanFacts, type PlanInstance } from '../plan-facts.ts';
import { expectedPause, label } from '../planned-steps.ts';

/** Operations that make a new incarnation of an instance, and take the old one away when the new one has caught up. */

export function planMigrateRo(
  cluster: PlanCluster,
  { instance, node }: { readonly instance: string; readonly node: string },
  facts: PlanFacts,
): Planned {
  const found = instanceOf(cluster, instance);
  if (!found) return unknown(instance);
  if (found.role === 'primary') {
    return refused('WrongInstance', `${label(found)} is the RW`, 'Use MigrateRw, or switch to another instance first.');
  }
  return moveRefusal(found, node, facts) ?? sourceRefusal(cluster) ?? replacement(cluster, found, node, [], 'moves');
}

export function planMigrateRw(
  cluster: PlanCluster,
  { instance, node }: { readonly instance: string; readonly node: string },
  facts: PlanFacts,
): Planned {
  const found = instanceOf(cluster, instance);
  if (!found) return unknown(instance);
  if (found.role !== 'primary') {
    return refused('WrongInstance', `${label(found)} is an RO`, 'Use MigrateRo, or name the RW.');
  }
  const change: StepPlan = {
    name: 'SwitchPrimary',
    use: 'SwitchPrimary',
    input: { added: 'AllocateMembers' },
    description: `Make the new instance on ${node} the RW`,
    interrupts: 'Writes pause for the switch; connections to the old RW end.',
  };
  return (
    moveRefusal(found, node, facts) ?? sourceRefusal(cluster) ?? replacement(cluster, found, node, [change], 'moves')
  );
}

export function planRebuildRo(
  cluster: PlanCluster,
  { instance }: { readonly instance: string },
  facts: PlanFacts,
): Planned {
  const found = instanceOf(cluster, instance);
  if (!found) return unknown(instance);
  if (found.role === 'primary') {
    const remedy = 'It has the data that ROs are copied from: switch to an RO first, then rebuild this one.';
    return refused('WrongInstance', `${label(found)} is the RW`, remedy);
  }
  if (isHostNetwork(facts)) {
    const message = `on the network of the host ${found.node ?? 'its node'} cannot run the old and the new instance at once`;
    return refused('NodeUnfit', message, 'Migrate the RO to another node, or remove it and add one.');
  }
  const { node } = found;
  const gone = node === undefined ? undefined : nodeRefusal(facts, node);
  if (gone?.type === 'refused') {
    const remedy = 'Bring the node back, or migrate the RO to another one (MigrateRo).';
    return refused(gone.refusal.code, `${label(found)}: ${gone.refusal.message}`, remedy);
  }
  return sourceRefusal(cluster) ?? replacement(cluster, found, node, [], 'stays');
}

const unknown = (instance: string): Planned =>
  refused('InstanceUnknown', `the cluster has no instance ${instance}`, 'Name one of its instances.');

function moveRefusal(found: PlanInstance, node: string, facts: PlanFacts): Planned | undefined {
  if (found.node === node) {
    return refused(
      'NodeUnfit',
      `${label(found)} is on ${node} already`,
      'Name another node; RebuildRo makes it anew in place.',
    );
  }
  return nodeRefusal(facts, node);
}

function replacement(
  cluster: PlanCluster,
  old: PlanInstance,
  node: string | undefined,
  between: readonly StepPlan[],
  how: 'moves' | 'stays',
): Planned {
  const what = `the new incarnation of ${label(old)}`;
  const isSwitch = between.length > 0;
  return planOf(
    [
      ...addingSteps([{ replaces: old.instanceId, ...(node !== undefined && { node }) }], what),
      ...between,
      removeMember(old),
      ...closingOf(cluster, [old]),
    ],
    {
      checks: [
        'the RW works, and can be copied',
        ...(node === undefined ? [] : [`node ${node} takes pods and has the engine`]),
        `the old instance stays as it is until the new one has caught up`,
      ],
      moves:
        how === 'moves'
          ? [{ instance: old.instanceId, ...(old.node && { from: old.node }), ...(node && { to: node }) }]
          : [],
      writePauses: isSwitch ? [{ reason: 'switch of the RW', expectedMs: expectedPause.switch }] : [],
      restarts: isSwitch ? [old.instanceId] : [],
      risks: [
        ...copyRisks,
        ...(isSwitch
          ? ['A switch that is given up leaves the old RW as it was; the operation stops with the reason.']
          : []),
      ],
    },
  );
}

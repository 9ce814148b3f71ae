import {
  isOperationType,
  type MPDCluster,
  type MPDOperation,
  type MPDOperationStatus,
  parseOperationParameters,
} from '@polarstack/api';
import { errorTable } from '@polarstack/base';
import { asIf, type OperationPlan, PLAN_SPEC_ANNOTATION, type Planned, planSteps, refused } from '@polarstack/domain';
import { newRecord } from '@polarstack/workflow';
import { toStatus } from '../kube/operation-record.ts';
import type { Services } from '../steps/services.ts';
import { gatherFacts } from './gather-facts.ts';
import { operationWorkflow } from './operation-workflow.ts';

/** What an operation is going to do, from the facts of this moment. */
export async function planNow(
  { spec, metadata }: Pick<MPDOperation, 'spec' | 'metadata'>,
  cluster: MPDCluster,
  services: Services,
  signal: AbortSignal,
): Promise<Planned> {
  if (!isOperationType(spec.type)) {
    return refused(
      'NotSupportedYet',
      `operations of type ${spec.type} are not known`,
      'Look the types up in the docs.',
    );
  }
  const parsed = parseOperationParameters(spec.type, spec.parameters);
  if (!parsed.ok) return refused('OperationInvalid', parsed.problems.join('; '), errorTable.OperationInvalid.remedy);
  let meant = cluster;
  try {
    if (spec.planOnly) meant = asIf(cluster, metadata.annotations?.[PLAN_SPEC_ANNOTATION]);
  } catch (error) {
    const message = `annotation ${PLAN_SPEC_ANNOTATION} is no JSON: ${(error as Error).message}`;
    return refused('OperationInvalid', message, 'Write a merge patch of the spec, or leave it out.');
  }
  return planSteps(spec.type, parsed.parameters, await gatherFacts(meant, services, signal));
}

/** A plan as people read it. */
export function planShown({ steps, ...rest }: OperationPlan): Pick<MPDOperationStatus, 'plan' | 'consequences'> {
  return {
    plan: steps.map(({ name, description, interrupts }) => ({
      step: name,
      description,
      ...(interrupts !== undefined && { interrupts }),
    })),
    consequences: rest,
  };
}

/** The status of an operation that begins: its plan, and the run that carries out exactly that (OP2). */
export function begun(operation: MPDOperation, cluster: MPDCluster, plan: OperationPlan): MPDOperationStatus {
  const { namespace = 'default', name = '', uid = '' } = cluster.metadata;
  const steps = plan.steps.map(({ name: step, use, input }) => ({ name: step, use, ...(input && { input }) }));
  const record = newRecord(operationWorkflow, { namespace, cluster: name, uid }, steps);
  return toStatus(record, { ...operation.status, ...planShown(plan) });
}

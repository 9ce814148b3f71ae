import { type MPDCluster, type MPDOperation, MPDOperations, type OperationType } from '@polarstack/api';
import { isStackError, StackError } from '@polarstack/base';
import type { KubeClient } from '@polarstack/kube';
import type { Colors } from '../output/colors.ts';
import { type Cell, renderTable } from '../output/table.ts';
import { awaitOperation } from './await-operation.ts';
import { makeOperation } from './make-operation.ts';
import { silentView } from './operation-view.ts';
import type { Parameters } from './wish.ts';

type Status = NonNullable<MPDOperation['status']>;

/** What an operation would do. The field names are a promise to scripts. */
export interface PlanView {
  readonly cluster: string;
  readonly namespace: string;
  readonly type: OperationType;
  readonly parameters: Parameters;
  /** `nothing`: what is asked for is so already. */
  readonly outcome: 'plan' | 'nothing';
  readonly message: string;
  readonly steps: NonNullable<Status['plan']>;
  readonly checks: readonly string[];
  readonly restarts: readonly string[];
  readonly moves: NonNullable<NonNullable<Status['consequences']>['moves']>;
  readonly writePauses: NonNullable<NonNullable<Status['consequences']>['writePauses']>;
  readonly risks: readonly string[];
}

export interface PlanWish {
  readonly type: OperationType;
  readonly parameters: Parameters;
  readonly patch?: Readonly<Record<string, unknown>>;
}

/** How long an operator may take to plan, in milliseconds. */
const PLAN_MS = 30_000;

/** Has the operator plan the operation, and leaves nothing behind. Throws `OperationRefused` where it would be refused. */
export async function planOf(
  client: KubeClient,
  cluster: MPDCluster,
  { type, parameters, patch }: PlanWish,
  signal: AbortSignal,
): Promise<PlanView> {
  const { namespace = 'default', name: clusterName = '' } = cluster.metadata;
  const made = await makeOperation(
    client,
    cluster,
    { type, parameters, planOnly: true, reason: 'plan', ...(patch && { specPatch: patch }) },
    signal,
  );
  const { name = '' } = made.metadata;
  try {
    const { operation, error } = await awaitOperation({
      client,
      namespace,
      isMeant: ({ metadata }) => metadata.uid === made.metadata.uid,
      what: `the plan of ${type}`,
      timeoutMs: PLAN_MS,
      view: silentView,
      signal,
    });
    if (error?.code === 'OperationUnfinished') {
      throw new StackError('OperationUnfinished', `nobody has planned ${type} within ${PLAN_MS / 1000} s`, {
        cause: error,
        remedy: 'See whether an operator runs and serves this cluster: `polarstack doctor`.',
      });
    }
    if (error) throw error;
    const { plan, consequences = {}, message = '' } = operation?.status ?? {};
    return {
      cluster: clusterName,
      namespace,
      type,
      parameters,
      outcome: plan === undefined ? 'nothing' : 'plan',
      message,
      steps: plan ?? [],
      checks: consequences.checks ?? [],
      restarts: consequences.restarts ?? [],
      moves: consequences.moves ?? [],
      writePauses: consequences.writePauses ?? [],
      risks: consequences.risks ?? [],
    };
  } finally {
    // Also where the wait was ended by hand.
    await client.delete(MPDOperations, { namespace, name }, {}, AbortSignal.timeout(10_000)).catch((error: unknown) => {
      if (!isStackError(error, 'NotFound')) throw error;
    });
  }
}

/** A plan for people. `podOf` gives an instance's pod, which people see more often than its id. */
export function renderPlan(plan: PlanView, podOf: (id: string) => string | undefined, colors: Colors): string {
  const title = colors.bold(`${plan.type} of ${plan.namespace}/${plan.cluster}`);
  if (plan.outcome === 'nothing') return `${title}: nothing to do: ${plan.message}\n`;
  const instance = (id: string): string => (podOf(id) === undefined ? id : `${podOf(id)} (${id})`);
  const steps = renderTable(
    ['', 'STEP', 'WHAT IT DOES', 'WHAT USERS NOTICE'],
    plan.steps.map(({ step, description = '', interrupts }, index): readonly Cell[] => [
      String(index + 1),
      step,
      description,
      interrupts === undefined ? '-' : { text: interrupts, paint: colors.busy },
    ]),
  );
  const list = (name: string, values: readonly string[], none: string): string => {
    const [first = none, ...others] = values;
    const indent = ' '.repeat(15);
    return [`${`${name}:`.padEnd(15)}${first}`, ...others.map((value) => indent + value)].join('\n');
  };
  return [
    `${title}; nothing was changed`,
    '',
    steps,
    list('restarts', plan.restarts.map(instance), 'none'),
    list(
      'moves',
      plan.moves.map(({ instance: id, from = '?', to = 'where there is room' }) => `${instance(id)}: ${from} to ${to}`),
      'none',
    ),
    list(
      'write pauses',
      plan.writePauses.map(({ reason, expectedMs }) => `about ${expectedMs} ms: ${reason}`),
      'none',
    ),
    list('checked first', plan.checks, 'nothing'),
    list('risks', plan.risks, 'none known'),
    '',
  ].join('\n');
}

/** Plays what the operator does with operations, as far as a client can see: plans, steps, steering, and the answer to a spec. */
import { type MPDCluster, MPDClusters, type MPDOperation, MPDOperations } from '@polarstack/api';
import { newOperation, specOperationName, specRequest } from '@polarstack/domain';
import { createInformer, type KubeClient } from '@polarstack/kube';

type Status = NonNullable<MPDOperation['status']>;

/** How an operation goes, by what its reason says. Default: three steps that succeed. */
export interface Script {
  /** Stops at the second step until it is resumed, retried or skipped. */
  readonly interrupt?: boolean;
  /** Never begins. */
  readonly stall?: boolean;
  readonly refuse?: NonNullable<Status['error']>;
}

const error = { code: 'DiskFull', message: 'no space left', remedy: 'Free space on the volume.' };
const at = (second: number): string => `2026-01-01T00:00:0${second}Z`;
type Step = NonNullable<Status['steps']>[number];
const done = (name: string): Step => ({ name, state: 'Succeeded', attempts: 1, startedAt: at(1), finishedAt: at(2) });
const todo = (name: string): Step => ({ name, state: 'Pending', attempts: 0 });
const runs = (name: string): Step => ({ name, state: 'Running', attempts: 1, startedAt: at(2) });
const failed = (name: string): Step => ({ name, state: 'Failed', attempts: 5, startedAt: at(2), error });

const planned: Status = {
  plan: [
    { step: 'RestartEngine-1001', description: 'Restart RO 1001', interrupts: 'reads on it end' },
    { step: 'SwitchPrimary-1001', description: 'Move the RW', interrupts: 'writes pause' },
    { step: 'UpdateRunningStatus', description: 'Record what runs' },
  ],
  consequences: {
    checks: ['1001 streams'],
    restarts: ['1001'],
    moves: [{ instance: '1001', from: 'node-2', to: 'node-1' }],
    writePauses: [{ reason: 'the RW moves', expectedMs: 300 }],
    risks: ['The switch is refused where 1001 lags.'],
  },
};

export async function playOperations(
  client: KubeClient,
  options: {
    readonly scriptOf: (operation: MPDOperation) => Script;
    /** Told of the type of each operation that has succeeded. */
    readonly onDone: (type: string) => Promise<void>;
    readonly signal: AbortSignal;
  },
): Promise<void> {
  const { scriptOf, onDone, signal } = options;
  const write = async ({ metadata }: MPDOperation, status: object): Promise<void> => {
    const { name = '', namespace = 'default' } = metadata;
    await client.patchStatus(MPDOperations, { namespace, name }, { type: 'merge', body: { status } }, signal);
  };
  const steps = ['RestartEngine-1001', 'SwitchPrimary-1001', 'UpdateRunningStatus'] as const;

  const begin = async (operation: MPDOperation): Promise<void> => {
    const { interrupt, refuse } = scriptOf(operation);
    if (refuse) {
      await write(operation, { phase: 'Failed', message: refuse.message, error: refuse, finishedAt: at(3) });
      return;
    }
    if (operation.spec.planOnly) {
      await write(operation, { ...planned, phase: 'Succeeded', message: 'planned', finishedAt: at(3) });
      return;
    }
    const [first, second, third] = steps;
    const base = { ...planned, workflow: 'operation/1', startedAt: at(1) };
    await write(operation, { ...base, phase: 'Running', steps: [runs(first), todo(second), todo(third)] });
    if (interrupt) {
      await write(operation, { phase: 'Interrupted', error, steps: [done(first), failed(second), todo(third)] });
      return;
    }
    await write(operation, { phase: 'Running', steps: [done(first), runs(second), todo(third)] });
    await finish(operation);
  };
  const finish = async (operation: MPDOperation, skipped = false, more: object = {}): Promise<void> => {
    const second = skipped ? { ...failed(steps[1]), state: 'Skipped' } : done(steps[1]);
    const all = [done(steps[0]), second, done(steps[2])];
    await onDone(operation.spec.type);
    await write(operation, { phase: 'Succeeded', error: null, finishedAt: at(4), steps: all, ...more });
  };
  const steer = async (operation: MPDOperation): Promise<void> => {
    const { steering } = operation.spec;
    if (!steering) return;
    const { action, requestId } = steering;
    const says = (status: 'True' | 'False', message: string): object => ({
      handledSteering: requestId,
      conditions: [{ type: 'Steered', status, reason: action, message, lastTransitionTime: at(3) }],
    });
    if (action === 'Pause') {
      await write(operation, says('False', 'Pause: it stands already. Resume it.'));
      return;
    }
    const heard = says('True', 'carried out');
    if (action === 'Cancel')
      await write(operation, { ...heard, phase: 'Cancelled', message: 'cancelled', finishedAt: at(4) });
    else await finish(operation, action === 'SkipStep', heard);
  };

  const seen = new Set<string>();
  const operations = createInformer<MPDOperation>({ client, resource: MPDOperations });
  operations.onChange(async ({ type, object }) => {
    if (type === 'DELETED') return;
    const { uid = '' } = object.metadata;
    const { approval, steering } = object.spec;
    if (approval?.required && !approval.approved) {
      if (object.status?.message === undefined)
        await write(object, { ...planned, phase: 'Pending', message: 'waits for approval' });
      return;
    }
    if (steering && steering.requestId !== object.status?.handledSteering) await steer(object);
    else if (!seen.has(uid) && !scriptOf(object).stall) {
      seen.add(uid);
      await begin(object);
    }
  });
  const clusters = createInformer<MPDCluster>({ client, resource: MPDClusters });
  clusters.onChange(async ({ type, object }) => {
    const wish = type === 'DELETED' ? undefined : specRequest(object);
    const { name = '', uid = '', generation = 0 } = object.metadata;
    if (!wish) return;
    const own = specOperationName({ name, uid }, wish.type, generation);
    const { parameters, requester, reason } = wish;
    const made = newOperation(object, wish.type, [reason], { name: own, parameters, requester });
    await client.create(MPDOperations, made as MPDOperation, signal).catch(() => undefined);
  });
  await Promise.all([operations.start(signal), clusters.start(signal)]);
}

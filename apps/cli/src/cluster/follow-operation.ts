/**
 * Waits until a cluster is what was asked for, showing the steps of the operation that makes it so.
 *
 * Ends well when the wish is fulfilled; throws when it cannot be: refused by the operator, failed, or too late, or
 * nobody is there to say so any more. The work goes on in the background whatever becomes of the waiting.
 */
import { type MPDCluster, MPDClusters, type MPDOperation, MPDOperations } from '@polarstack/api';
import { type ErrorCode, errorTable, StackError } from '@polarstack/base';
import type { KubeClient } from '@polarstack/kube';
import { type Contact, contactBackoff, keepContact, serverAway } from './keep-contact.ts';
import { createOperationProgress } from './operation-progress.ts';
import type { ProgressPrinter } from './progress-printer.ts';

export interface FollowOptions {
  readonly client: KubeClient;
  readonly namespace: string;
  readonly name: string;
  /** Only this very cluster counts, not another of the same name. */
  readonly uid: string;
  readonly wish: 'Ready' | 'Gone';
  readonly timeoutMs: number;
  readonly printer: ProgressPrinter;
  readonly signal: AbortSignal;
}

const operationTypeOf = { Ready: 'Create', Gone: 'Delete' } as const;

export async function followOperation(options: FollowOptions): Promise<void> {
  const { client, namespace, name, uid, wish, printer } = options;
  const { createInformer } = await import('@polarstack/kube');
  const contact = keepContact(options);
  const { signal, onError } = contact;
  const common = { client, namespace, onError, backoff: contactBackoff };
  const cluster = createInformer<MPDCluster>({
    ...common,
    resource: MPDClusters,
    fieldSelector: `metadata.name=${name}`,
  });
  const operations = createInformer<MPDOperation>({ ...common, resource: MPDOperations });
  const news = createOperationProgress();
  const running = [cluster.start(signal), operations.start(signal)];
  try {
    await Promise.race([Promise.all([cluster.synced, operations.synced]), ...running]);
    await new Promise<void>((resolve, reject) => {
      const look = (): void => {
        const mine = ours(operations.list(), name, uid, wish);
        for (const operation of mine) printer.print(news(operation));
        const current = cluster.get(`${namespace}/${name}`);
        const outcome = judge(wish, current?.metadata.uid === uid ? current : undefined, mine.at(-1));
        if (outcome === 'done') resolve();
        else if (outcome !== 'wait') reject(outcome);
      };
      const stop = (): void => reject(stopped(options, contact, cluster.get(`${namespace}/${name}`)));
      signal.addEventListener('abort', stop, { once: true });
      if (signal.aborted) {
        stop();
        return;
      }
      look();
      cluster.onChange(look);
      operations.onChange(look);
    });
  } finally {
    printer.end();
    await contact.end();
    await Promise.all(running);
  }
}

function ours(operations: readonly MPDOperation[], name: string, uid: string, wish: FollowOptions['wish']) {
  return operations
    .filter(({ spec, metadata }) => {
      const owner = metadata.ownerReferences?.find(({ kind }) => kind === 'MPDCluster');
      return spec.cluster === name && spec.type === operationTypeOf[wish] && (owner === undefined || owner.uid === uid);
    })
    .sort((a, b) => ((a.metadata.creationTimestamp ?? '') < (b.metadata.creationTimestamp ?? '') ? -1 : 1));
}

/** Whether the wish is fulfilled, cannot be, or is still open. Pure. */
export function judge(
  wish: FollowOptions['wish'],
  cluster: MPDCluster | undefined,
  operation: MPDOperation | undefined,
): 'done' | 'wait' | StackError {
  if (cluster === undefined) {
    return wish === 'Gone' ? 'done' : new StackError('NotFound', 'the cluster was deleted meanwhile');
  }
  const { generation = 0 } = cluster.metadata;
  const condition = (type: string) => cluster.status?.conditions?.find((each) => each.type === type);
  if (wish === 'Ready') {
    const accepted = condition('Accepted');
    const current = (accepted?.observedGeneration ?? 0) >= generation;
    if (accepted?.status === 'False' && current) return refusal(accepted.reason, accepted.message);
    if (condition('Ready')?.status === 'True' && (cluster.status?.observedGeneration ?? 0) >= generation) return 'done';
  } else {
    const refused = condition('DeletionRefused');
    if (refused?.status === 'True') return refusal(refused.reason, refused.message);
  }
  const { phase, error, message } = operation?.status ?? {};
  if (phase !== 'Failed' && phase !== 'Interrupted' && phase !== 'Cancelled') return 'wait';
  const why = error?.message ?? message ?? 'no reason is given';
  return new StackError('OperationFailed', `operation ${operation?.metadata.name} is ${phase}: ${why}`, {
    ...(error?.remedy === undefined ? {} : { remedy: error.remedy }),
    details: { operation: operation?.metadata.name, code: error?.code },
  });
}

/** A condition's reason is a code of the table where something is wrong. */
function refusal(reason: string | undefined, message: string | undefined): StackError {
  const code: ErrorCode = reason !== undefined && reason in errorTable ? (reason as ErrorCode) : 'OperationFailed';
  return new StackError(code, message ?? `refused: ${reason}`);
}

function stopped(
  { signal, wish, name, namespace, timeoutMs }: FollowOptions,
  { trouble }: Contact,
  cluster: MPDCluster | undefined,
): StackError {
  const what = wish === 'Ready' ? 'ready' : 'gone';
  const where = namespace === 'default' ? '' : ` -n ${namespace}`;
  const look = `see \`polarstack status${wish === 'Ready' ? ` ${name}${where}` : ''}\``;
  if (signal.aborted) {
    return new StackError('Cancelled', `interrupted while waiting for cluster ${name} to be ${what}`, {
      remedy: `Only the waiting has ended; the work goes on in the background: ${look} and \`polarstack operations\`.`,
    });
  }
  if (trouble) {
    return serverAway(
      trouble,
      `cluster ${name} is not ${what} yet`,
      `The work on cluster ${name} then goes on: ${look}.`,
    );
  }
  const seen = cluster?.status?.conditions?.find(({ type }) => type === 'Ready')?.message;
  const why = seen ? `: ${seen}` : '';
  return new StackError('ClusterNotReady', `cluster ${name} is not ${what} after ${timeoutMs / 1000} s${why}`);
}

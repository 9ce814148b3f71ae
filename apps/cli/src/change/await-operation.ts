/**
 * Waits for the end of an operation, showing its steps. Ends with the operation where it went well; throws where it was refused,
 * stopped, was cancelled, takes too long, or where nobody is there to say so. The operation goes on whatever becomes of the waiting.
 */
import { type MPDCluster, MPDClusters, type MPDOperation, MPDOperations } from '@polarstack/api';
import { type ErrorCode, errorTable, StackError } from '@polarstack/base';
import { conditionOf } from '@polarstack/domain';
import type { KubeClient } from '@polarstack/kube';
import { type Contact, contactBackoff, keepContact, serverAway } from '../cluster/keep-contact.ts';
import type { OperationView } from './operation-view.ts';
import { inNamespace, outcomeOf } from './outcome.ts';

export interface AwaitOptions {
  readonly client: KubeClient;
  readonly namespace: string;
  /** The operation that is waited for. */
  readonly isMeant: (operation: MPDOperation) => boolean;
  /** Its name, where it is known before it was seen. */
  readonly name?: string;
  /** What is waited for, e.g. `SwitchRw of demo`. */
  readonly what: string;
  /** Where the operation is the operator's answer to a spec: the cluster, and the generation that must be accepted. */
  readonly spec?: { readonly cluster: string; readonly uid: string; readonly generation: number };
  /** What counts as the end; default: {@link outcomeOf}. */
  readonly judge?: (operation: MPDOperation) => 'done' | 'wait' | StackError;
  readonly timeoutMs: number;
  readonly view: OperationView;
  readonly signal: AbortSignal;
}

export interface Awaited {
  readonly operation: MPDOperation | undefined;
  readonly error?: StackError;
}

/** Like the wait itself, but answers also where the operation ended badly: with it and the error. */
export async function awaitOperation(options: AwaitOptions): Promise<Awaited> {
  const { client, namespace, isMeant, spec, judge = outcomeOf, view } = options;
  const { createInformer } = await import('@polarstack/kube');
  const contact = keepContact(options);
  const { signal, onError } = contact;
  const common = { client, namespace, onError, backoff: contactBackoff };
  const operations = createInformer<MPDOperation>({ ...common, resource: MPDOperations });
  const clusters = createInformer<MPDCluster>({
    ...common,
    resource: MPDClusters,
    ...(spec && { fieldSelector: `metadata.name=${spec.cluster}` }),
  });
  const informers = spec ? [operations, clusters] : [operations];
  const running = informers.map(async (informer) => await informer.start(signal));
  let last: MPDOperation | undefined;
  try {
    await Promise.race([Promise.all(informers.map(({ synced }) => synced)), ...running]);
    return await new Promise<Awaited>((resolve) => {
      const look = (): void => {
        const found = newest(operations.list().filter(isMeant));
        if (last && !found) {
          const error = new StackError('NotFound', `${last.metadata.name} was deleted before it ended`);
          resolve({ operation: last, error });
          return;
        }
        last = found;
        if (!found) {
          const error = spec && refusalOfSpec(clusters.get(`${namespace}/${spec.cluster}`), spec);
          if (error) resolve({ operation: undefined, error });
          return;
        }
        view.show(found);
        const outcome = judge(found);
        if (outcome === 'done') resolve({ operation: found });
        else if (outcome !== 'wait') resolve({ operation: found, error: outcome });
      };
      const stop = (): void => resolve({ operation: last, error: stopped(options, contact, last) });
      signal.addEventListener('abort', stop, { once: true });
      if (signal.aborted) {
        stop();
        return;
      }
      look();
      for (const informer of informers) informer.onChange(look);
    });
  } finally {
    view.end();
    await contact.end();
    await Promise.all(running);
  }
}

const newest = (operations: readonly MPDOperation[]): MPDOperation | undefined =>
  [...operations]
    .sort((a, b) => ((a.metadata.creationTimestamp ?? '') < (b.metadata.creationTimestamp ?? '') ? -1 : 1))
    .at(-1);

function refusalOfSpec(
  cluster: MPDCluster | undefined,
  { uid, generation }: NonNullable<AwaitOptions['spec']>,
): StackError | undefined {
  if (cluster?.metadata.uid !== uid) return new StackError('NotFound', 'the cluster was deleted meanwhile');
  const accepted = conditionOf(cluster.status?.conditions, 'Accepted');
  if (accepted?.status !== 'False' || (accepted.observedGeneration ?? 0) < generation) return undefined;
  const { reason = '', message = '' } = accepted;
  const remedy = Object.hasOwn(errorTable, reason) ? errorTable[reason as ErrorCode].remedy : undefined;
  return new StackError('OperationRefused', `the spec is not carried out: ${reason}: ${message}`, {
    ...(remedy !== undefined && { remedy }),
    details: { code: reason },
  });
}

function stopped(
  { signal, what, namespace, timeoutMs, spec, name: known }: AwaitOptions,
  { trouble }: Contact,
  operation: MPDOperation | undefined,
): StackError {
  const name = operation?.metadata.name ?? known;
  const where = inNamespace(namespace);
  const look =
    name === undefined
      ? `polarstack operations${spec ? ` ${spec.cluster}` : ''}${where}`
      : `polarstack operation show ${name}${where} -w`;
  if (signal.aborted) {
    const cancel = name === undefined ? '' : ` To end it: polarstack operation cancel ${name}${where}`;
    return new StackError('Detached', `${what} goes on without you watching`, {
      remedy: `To watch it again: ${look}.${cancel}`,
    });
  }
  if (trouble) return serverAway(trouble, `${what} has not ended yet`, `It then goes on: ${look}`);
  const doing = operation?.status?.message ?? operation?.status?.currentStep ?? 'it has not begun';
  return new StackError('OperationUnfinished', `${what} has not ended after ${timeoutMs / 1000} s (${doing})`, {
    remedy: `It goes on: ${look}. What it waits for: polarstack why ${operation?.spec.cluster ?? spec?.cluster ?? 'CLUSTER'}${where}`,
  });
}

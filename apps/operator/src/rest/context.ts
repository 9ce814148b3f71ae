import { type MPDCluster, type MPDOperation, MPDOperations } from '@polarstack/api';
import { type Clock, StackError } from '@polarstack/base';
import type { Planned, SwitchHistory, TokenRecord } from '@polarstack/domain';
import type { Informer, KubeClient } from '@polarstack/kube';

/** What the operator knows, as the REST API reads it. */
export interface OperatorView {
  readonly clusters: Pick<Informer<MPDCluster>, 'get' | 'list' | 'onChange'>;
  readonly operations: Pick<Informer<MPDOperation, 'cluster'>, 'get' | 'list' | 'byIndex' | 'onChange'>;
  /** What the HA record of a cluster says of switches; undefined where there is none. */
  readonly switches: (cluster: MPDCluster) => SwitchHistory | undefined;
  readonly plan: (
    operation: Pick<MPDOperation, 'spec' | 'metadata'>,
    cluster: MPDCluster,
    signal: AbortSignal,
  ) => Promise<Planned>;
}

export interface RestContext {
  readonly client: KubeClient;
  readonly view: OperatorView;
  readonly clock: Clock;
}

/** One call, after its token was checked. */
export interface Call {
  readonly context: RestContext;
  readonly token: TokenRecord;
  /** Parts of the path, by name. */
  readonly path: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  readonly body: unknown;
  /** `Idempotency-Key`: the same call again is the same call. */
  readonly idempotencyKey: string | undefined;
  readonly signal: AbortSignal;
}

export interface Answer {
  readonly status: number;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export const ok = (body: unknown): Answer => ({ status: 200, body });

export function clusterOf({ context, path: { namespace = '', cluster = '' } }: Call): MPDCluster {
  const found = context.view.clusters.get(`${namespace}/${cluster}`);
  if (found) return found;
  throw new StackError('NotFound', `there is no cluster ${cluster} in namespace ${namespace}`, {
    remedy: 'GET /api/v1/clusters lists those there are.',
  });
}

export function operationsOf({ context }: Call, { metadata }: MPDCluster): readonly MPDOperation[] {
  return context.view.operations.byIndex('cluster', `${metadata.namespace}/${metadata.name}`);
}

/** What was just written may not be in the copy yet: then the API server is asked. */
export async function operationOf({ context, path, signal }: Call): Promise<MPDOperation> {
  const { namespace = '', operation = '' } = path;
  const found = context.view.operations.get(`${namespace}/${operation}`);
  if (found) return found;
  const stored = await context.client.find(MPDOperations, { namespace, name: operation }, signal);
  if (stored) return stored;
  throw new StackError('NotFound', `there is no operation ${operation} in namespace ${namespace}`, {
    remedy: 'GET .../clusters/CLUSTER/operations lists those of a cluster.',
  });
}

/** Without what only the API server needs. */
export function shown<T extends MPDCluster | MPDOperation>(object: T): T {
  const { managedFields: _, ...metadata } = object.metadata;
  return { ...object, metadata };
}

import { randomBytes } from 'node:crypto';
import { userInfo } from 'node:os';
import { type MPDCluster, type MPDOperation, MPDOperations, type OperationType } from '@polarstack/api';
import { newOperation, PLAN_SPEC_ANNOTATION, requestedOperationName } from '@polarstack/domain';
import type { KubeClient } from '@polarstack/kube';
import type { Parameters } from './wish.ts';

/** Who asks, as it is recorded: the name of the user of this machine. */
export function whoAsks(): string {
  try {
    return userInfo().username;
  } catch {
    // A uid without an entry has no name.
    return `uid ${process.getuid?.() ?? '?'}`;
  }
}

export interface OperationWish {
  readonly type: OperationType;
  readonly parameters: Parameters;
  readonly reason: string;
  readonly planOnly?: boolean;
  /** Only with `planOnly`: as if the spec had been patched so. */
  readonly specPatch?: Readonly<Record<string, unknown>>;
  readonly approval?: boolean;
}

/** Makes the operation. Each call makes one of its own. */
export async function makeOperation(
  client: Pick<KubeClient, 'create'>,
  cluster: MPDCluster,
  wish: OperationWish,
  signal: AbortSignal,
): Promise<MPDOperation> {
  const { name = '', uid = '' } = cluster.metadata;
  const id = `${Date.now().toString(36)}-${randomBytes(3).toString('hex')}`;
  const { type, parameters, reason, planOnly, specPatch, approval } = wish;
  const made = newOperation(cluster, type, [reason], {
    name: requestedOperationName({ name, uid }, type, planOnly ? `plan-${id}` : id),
    parameters,
    requester: whoAsks(),
  });
  const annotations = specPatch && { [PLAN_SPEC_ANNOTATION]: JSON.stringify(specPatch) };
  const operation = {
    ...made,
    metadata: { ...made.metadata, ...(annotations && { annotations }) },
    spec: {
      ...made.spec,
      ...(planOnly && { planOnly: true }),
      ...(approval && { approval: { required: true, approved: false } }),
    },
  };
  return await client.create(MPDOperations, operation as MPDOperation, signal);
}

/**
 * The two routes of the original's operator (facts: operator §7.3), by which its cluster manager reported what it had done. Here the
 * HA record says who is RW, so a report that contradicts it is a wish: it asks for a switch to that instance.
 */
import { type InstanceStatus, type MPDCluster, MPDClusters, type MPDOperation } from '@polarstack/api';
import { isStackError, StackError } from '@polarstack/base';
import { newOperation, requestedOperationName } from '@polarstack/domain';
import type { z } from 'zod';
import type { engineStatusBody, rwInsBody } from './bodies.ts';
import { type Answer, type Call, clusterOf, ok } from './context.ts';
import { makeOnce } from './handle-operations.ts';

const done: Answer = ok({ status: 'ok', msg: {} });

function instanceAt(cluster: MPDCluster, endpoint: string): readonly [string, InstanceStatus] {
  const found = Object.entries(cluster.status?.dbInstanceStatus ?? {}).find(([, { netInfo, hostClientIP }]) =>
    [netInfo?.workingHostIP, hostClientIP].some((host) => host && `${host}:${netInfo?.workingPort}` === endpoint),
  );
  if (found) return found;
  throw new StackError('NotFound', `no instance of ${cluster.metadata.name} listens at ${endpoint}`);
}

export async function reportRw(call: Call): Promise<Answer> {
  const cluster = clusterOf(call);
  const { endpoint } = call.body as z.output<typeof rwInsBody>;
  const [instance] = instanceAt(cluster, endpoint);
  if (cluster.status?.leaderInstanceId === instance) return done;
  const { name = '', uid = '' } = cluster.metadata;
  // The same report again, before the switch, is the same wish.
  const id = `rest-${cluster.status?.epoch ?? 0}-${instance}`;
  const made = newOperation(cluster, 'SwitchRw', [`rw_ins ${endpoint}`], {
    name: requestedOperationName({ name, uid }, 'SwitchRw', id),
    parameters: { instance },
    requester: call.token.name,
  });
  await makeOnce(call, made as MPDOperation);
  return done;
}

export async function reportEngineStatus(call: Call): Promise<Answer> {
  const { context, signal } = call;
  const { endpoint, engineStatus, reason } = call.body as z.output<typeof engineStatusBody>;
  const { namespace = 'default', name = '' } = clusterOf(call).metadata;
  for (let attempt = 1; ; attempt++) {
    const cluster = await context.client.get(MPDClusters, { namespace, name }, signal);
    const [id, { currentState }] = instanceAt(cluster, endpoint);
    if (currentState?.state === engineStatus) return done;
    const now = context.clock.now().toISOString();
    const state = { state: engineStatus, reason, startAt: now };
    const entry = { currentState: state, ...(currentState && { lastState: { ...currentState, finishAt: now } }) };
    const { resourceVersion } = cluster.metadata;
    const body = { metadata: { resourceVersion }, status: { dbInstanceStatus: { [id]: entry } } };
    try {
      await context.client.patchStatus(MPDClusters, { namespace, name }, { type: 'merge', body }, signal);
      return done;
    } catch (error) {
      if (!isStackError(error, 'Conflict') || attempt >= 5) throw error;
    }
  }
}

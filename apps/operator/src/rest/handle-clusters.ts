import { isOperationType, type MPDOperation, type OperationType } from '@polarstack/api';
import { StackError } from '@polarstack/base';
import { newOperation, PLAN_SPEC_ANNOTATION, why } from '@polarstack/domain';
import { Events } from '@polarstack/kube';
import type { z } from 'zod';
import type { planBody } from './bodies.ts';
import { type Answer, type Call, clusterOf, ok, operationsOf, shown } from './context.ts';

export async function listClusters({ context, query }: Call): Promise<Answer> {
  const namespace = query.get('namespace');
  const items = context.view.clusters.list().filter(({ metadata }) => !namespace || metadata.namespace === namespace);
  return ok({ items: items.map(shown) });
}

export async function getCluster(call: Call): Promise<Answer> {
  return ok(shown(clusterOf(call)));
}

export async function getWhy(call: Call): Promise<Answer> {
  const cluster = clusterOf(call);
  const switches = call.context.view.switches(cluster);
  const now = call.context.clock.now();
  return ok(why({ cluster, operations: operationsOf(call, cluster), now, ...(switches && { switches }) }));
}

/** Events about the cluster, its operations and its instances, the oldest first. */
export async function listEvents(call: Call): Promise<Answer> {
  const { metadata, status } = clusterOf(call);
  const { name = '', namespace = 'default' } = metadata;
  const pods = Object.values(status?.dbInstanceStatus ?? {}).map(({ podName }) => podName);
  const ours = new Set([name, ...pods, ...operationsOf(call, clusterOf(call)).map((one) => one.metadata.name)]);
  const { items } = await call.context.client.list(Events, { namespace }, call.signal);
  const found = items
    .filter(({ involvedObject }) => ours.has(involvedObject.name))
    .map(({ type, reason, message, involvedObject: { kind, name: about }, ...times }) => ({
      at: times.lastTimestamp ?? times.eventTime ?? times.metadata.creationTimestamp ?? null,
      type,
      reason,
      message,
      count: times.count ?? 1,
      about: { kind, name: about },
    }));
  return ok({ items: found.sort((a, b) => (String(a.at) < String(b.at) ? -1 : 1)) });
}

/** What an operation would do; nothing is made. */
export async function makePlan(call: Call): Promise<Answer> {
  const cluster = clusterOf(call);
  const { type, parameters = {}, spec } = call.body as z.output<typeof planBody>;
  const made = newOperation(cluster, changingType(type), ['plan'], { parameters, requester: call.token.name });
  const asked = {
    metadata: { ...made.metadata, ...(spec && { annotations: { [PLAN_SPEC_ANNOTATION]: JSON.stringify(spec) } }) },
    spec: { ...made.spec, planOnly: true },
  } as Pick<MPDOperation, 'spec' | 'metadata'>;
  const planned = await call.context.view.plan(asked, cluster, call.signal);
  switch (planned.type) {
    case 'plan': {
      const { steps, ...consequences } = planned.plan;
      const told = steps.map(({ name, description, interrupts }) => ({
        step: name,
        description,
        ...(interrupts !== undefined && { interrupts }),
      }));
      return ok({ outcome: 'plan', steps: told, ...consequences });
    }
    case 'nothing':
      return ok({ outcome: 'nothing', message: planned.message });
    case 'refused':
      // That it would be refused is the answer, not a failure of the call.
      return ok({ outcome: 'refused', ...planned.refusal });
  }
}

/** A type of operation on a living cluster. Throws `OperationInvalid`. */
export function changingType(type: string): OperationType {
  if (isOperationType(type) && type !== 'Create' && type !== 'Delete') return type;
  throw new StackError('OperationInvalid', `operations of type ${type} cannot be asked for`, {
    remedy: 'Clusters are made and deleted as MPDClusters; see the reference for the other types.',
  });
}

import { createHash, randomBytes } from 'node:crypto';
import {
  type MPDCluster,
  type MPDOperation,
  MPDOperations,
  type OperationType,
  parseOperationParameters,
} from '@polarstack/api';
import { isStackError, StackError } from '@polarstack/base';
import { isFinal, newOperation, requestedOperationName } from '@polarstack/domain';
import type { z } from 'zod';
import type { operationBody, steeringBody } from './bodies.ts';
import { type Answer, type Call, clusterOf, ok, operationOf, operationsOf, shown } from './context.ts';
import { changingType } from './handle-clusters.ts';

export async function listOperations(call: Call): Promise<Answer> {
  const items = [...operationsOf(call, clusterOf(call))];
  const age = ({ metadata }: MPDOperation): string => `${metadata.creationTimestamp}/${metadata.name}`;
  return ok({ items: items.sort((a, b) => (age(a) < age(b) ? -1 : 1)).map(shown) });
}

export async function getOperation(call: Call): Promise<Answer> {
  return ok(shown(await operationOf(call)));
}

export async function createOperation(call: Call): Promise<Answer> {
  const cluster = clusterOf(call);
  const { type: asked, parameters = {}, reason, approval, startAt } = call.body as z.output<typeof operationBody>;
  const type = changingType(asked);
  const parsed = parseOperationParameters(type, parameters);
  if (!parsed.ok) {
    throw new StackError('OperationInvalid', parsed.problems.join('; '), { details: { problems: parsed.problems } });
  }
  const made = newOperation(cluster, type, [reason ?? 'asked for by the REST API'], {
    name: nameOf(call, cluster, type),
    parameters,
    requester: call.token.name,
  });
  const spec = {
    ...made.spec,
    ...(approval === 'manual' && { approval: { required: true, approved: false } }),
    ...(startAt !== undefined && { startAt }),
  };
  return await makeOnce(call, { ...made, spec } as MPDOperation);
}

/** Made by a call that came before with the same key: that one is the answer. */
export async function makeOnce({ context: { client }, signal }: Call, operation: MPDOperation): Promise<Answer> {
  const { namespace = 'default', name = '' } = operation.metadata;
  const headers = { location: `/api/v1/namespaces/${namespace}/operations/${name}` };
  try {
    const created = await client.create(MPDOperations, operation, signal);
    return { status: 201, body: shown(created), headers };
  } catch (error) {
    if (!isStackError(error, 'AlreadyExists')) throw error;
    const found = await client.get(MPDOperations, { namespace, name }, signal);
    const { type, parameters } = found.spec;
    if (type === operation.spec.type && JSON.stringify(parameters) === JSON.stringify(operation.spec.parameters)) {
      return { status: 200, body: shown(found), headers };
    }
    throw new StackError('Conflict', 'this Idempotency-Key was used for another operation', {
      cause: error,
      remedy: 'Give each operation a key of its own.',
    });
  }
}

/** A key counts for one token and one cluster, whatever is asked for with it: so the name does not say the type. */
function nameOf({ idempotencyKey, token, context }: Call, { metadata }: MPDCluster, type: OperationType): string {
  const { name = '', uid = '' } = metadata;
  if (idempotencyKey === undefined) {
    const id = `${context.clock.now().getTime().toString(36)}-${randomBytes(3).toString('hex')}`;
    return requestedOperationName({ name, uid }, type, id);
  }
  const asked = JSON.stringify([token.hash, uid, idempotencyKey]);
  return `${name}-request-${createHash('sha256').update(asked).digest('hex').slice(0, 16)}`;
}

export async function steerOperation(call: Call): Promise<Answer> {
  const operation = await operationOf(call);
  mustLive(operation);
  const { action, step } = call.body as z.output<typeof steeringBody>;
  const requestId = call.idempotencyKey ?? randomBytes(8).toString('hex');
  // A merge would keep the step of an earlier steering.
  const steering = { action, requestId, requester: call.token.name, step: step ?? null };
  return { status: 202, body: shown(await patch(call, operation, { spec: { steering } })) };
}

export async function approveOperation(call: Call): Promise<Answer> {
  const operation = await operationOf(call);
  mustLive(operation);
  const { metadata, spec } = operation;
  if (!spec.approval?.required) {
    throw new StackError('Conflict', `${metadata.name} needs no approval`, { remedy: 'Nothing is to be done.' });
  }
  if (spec.approval.approved) return ok(shown(operation));
  const { resourceVersion } = metadata;
  const approval = { approved: true, approver: call.token.name };
  return ok(shown(await patch(call, operation, { metadata: { resourceVersion }, spec: { approval } })));
}

function mustLive(operation: MPDOperation): void {
  if (!isFinal(operation)) return;
  const { metadata, status } = operation;
  throw new StackError('Conflict', `${metadata.name} has ended (${status?.phase})`, {
    remedy: 'There is nothing left to steer; ask for a new operation.',
  });
}

async function patch({ context: { client }, signal }: Call, { metadata }: MPDOperation, body: object) {
  const { namespace = 'default', name = '' } = metadata;
  return await client.patch(MPDOperations, { namespace, name }, { type: 'merge', body }, signal);
}

import { type MPDCluster, type MPDOperation, MPDOperations, type OperationType } from '@polarstack/api';
import type { Io } from '../io.ts';
import type { OutputFormat } from '../output/format.ts';
import { renderValue } from '../output/format.ts';
import { colorsFor, write } from '../output/screen.ts';
import { type Awaited, type AwaitOptions, awaitOperation } from './await-operation.ts';
import { editSpec } from './edit-spec.ts';
import { makeOperation } from './make-operation.ts';
import { createOperationView, silentView } from './operation-view.ts';
import { inNamespace } from './outcome.ts';
import { planOf, renderPlan } from './plan.ts';
import { answersSpec } from './spec-operation.ts';
import type { Wish, WishContext } from './wish.ts';

export interface CarryOutOptions {
  readonly wish: Wish;
  readonly planOnly: boolean;
  readonly wait: boolean;
  readonly approveLater: boolean;
  readonly reason: string;
  readonly timeoutMs: number;
  readonly format: OutputFormat;
  readonly color: boolean;
  readonly io: Io;
}

/** Plans a wish, or has it carried out and waits for its end. Throws where it does not end well. */
export async function carryOut(context: WishContext, options: CarryOutOptions): Promise<void> {
  const { wish, planOnly } = options;
  if (wish.how === 'nothing') return await sayNothing(context.cluster, wish.message, options);
  if (planOnly) return await showPlan(context, wish, options);
  if (wish.how === 'spec') return await bySpec(context, wish, options);
  return await byOperation(context, wish, options);
}

type Doing = Exclude<Wish, { how: 'nothing' }>;

async function sayNothing({ metadata }: MPDCluster, message: string, { format, io }: CarryOutOptions): Promise<void> {
  if (format === 'name') return;
  const { name: cluster, namespace } = metadata;
  const value = { cluster, namespace, outcome: 'nothing', message };
  await write(io, format === 'table' ? `Nothing to do: ${message}.\n` : await renderValue(format, value));
}

async function showPlan(
  { connection: { client }, cluster, signal }: WishContext,
  wish: Doing,
  { format, io, color }: CarryOutOptions,
): Promise<void> {
  const { type, parameters } = wish;
  const plan = await planOf(
    client,
    cluster,
    { type, parameters, ...(wish.how === 'spec' && { patch: wish.patch }) },
    signal,
  );
  const podOf = (id: string): string | undefined => cluster.status?.dbInstanceStatus?.[id]?.podName;
  await write(
    io,
    format === 'json' || format === 'yaml'
      ? await renderValue(format, plan)
      : renderPlan(plan, podOf, colorsFor(io, { color })),
  );
}

async function byOperation(context: WishContext, wish: Doing, options: CarryOutOptions): Promise<void> {
  const { connection, cluster, signal } = context;
  const { approveLater, reason } = options;
  const { type, parameters } = wish;
  const made = await makeOperation(
    connection.client,
    cluster,
    { type, parameters, reason, approval: approveLater },
    signal,
  );
  const { name = '', namespace } = made.metadata;
  const where = inNamespace(namespace);
  const afterwards = approveLater
    ? `Operation ${name} waits for approval: polarstack operation show ${name}${where}, then operation approve ${name}${where}.`
    : `Operation ${name} is asked for; see polarstack operation show ${name}${where} -w.`;
  await finish(context, options, {
    type,
    made,
    afterwards,
    isMeant: ({ metadata }) => metadata.uid === made.metadata.uid,
  });
}

async function bySpec(
  context: WishContext,
  wish: Extract<Wish, { how: 'spec' }>,
  options: CarryOutOptions,
): Promise<void> {
  const { connection, signal } = context;
  const { type, patch } = wish;
  const cluster = await editSpec(connection.client, context.cluster, patch, signal);
  const { namespace = 'default', name = '', uid = '', generation = 0 } = cluster.metadata;
  // The spec said so already, and what it asked for did not come to its end: it is asked for anew.
  if (generation === context.cluster.metadata.generation && !(await isUnderWay(context, type))) {
    return await byOperation(context, wish, options);
  }
  const where = inNamespace(namespace);
  await finish({ ...context, cluster }, options, {
    type,
    afterwards: `The spec is changed; see polarstack operations ${name}${where} -w.`,
    isMeant: answersSpec(cluster, type, generation),
    spec: { cluster: name, uid, generation },
  });
}

async function isUnderWay({ connection, cluster, signal }: WishContext, type: OperationType): Promise<boolean> {
  const { namespace = 'default' } = cluster.metadata;
  const { items } = await connection.client.list(MPDOperations, { namespace }, signal);
  const isMeant = answersSpec(cluster, type, cluster.metadata.generation ?? 0);
  const found = items.filter(isMeant);
  // None yet: the operator has still to answer.
  return found.length === 0 || found.some(({ status }) => status?.finishedAt === undefined);
}

interface Ending extends Pick<AwaitOptions, 'isMeant' | 'spec'> {
  readonly type: OperationType;
  readonly made?: MPDOperation;
  readonly afterwards: string;
}

async function finish({ connection, cluster, signal }: WishContext, options: CarryOutOptions, ending: Ending) {
  const { wait, timeoutMs, format, io, color } = options;
  const { type, made, afterwards, isMeant, spec } = ending;
  const { namespace = 'default', name = '' } = cluster.metadata;
  if (!wait) {
    await writeOperation(made, afterwards, options);
    return;
  }
  const view = format === 'table' ? createOperationView(io, colorsFor(io, { color })) : silentView;
  const { operation, error }: Awaited = await awaitOperation({
    client: connection.client,
    namespace,
    isMeant,
    what: `${type} of ${name}`,
    ...(spec && { spec }),
    ...(made?.metadata.name && { name: made.metadata.name }),
    timeoutMs,
    view,
    signal,
  });
  if (error === undefined || format !== 'table') {
    await writeOperation(operation, `${type} of ${namespace}/${name} is done${tookOf(operation)}.`, options);
  }
  if (error) throw error;
}

async function writeOperation(
  operation: MPDOperation | undefined,
  words: string,
  { format, io }: CarryOutOptions,
): Promise<void> {
  if (format === 'table') await write(io, `${words}\n`);
  else if (operation === undefined) return;
  else if (format === 'name') await write(io, `${operation.metadata.name}\n`);
  else await write(io, await renderValue(format, operation));
}

function tookOf(operation: MPDOperation | undefined): string {
  const { startedAt, finishedAt, steps = [], message } = operation?.status ?? {};
  if (steps.length === 0) return message === undefined ? '' : `: ${message}`;
  const ms = Date.parse(finishedAt ?? '') - Date.parse(startedAt ?? '');
  return Number.isFinite(ms) ? ` in ${(ms / 1000).toFixed(1)} s` : '';
}

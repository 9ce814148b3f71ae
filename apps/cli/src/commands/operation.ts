import { randomUUID } from 'node:crypto';
import { type MPDOperation, MPDOperations } from '@polarstack/api';
import { isStackError, StackError } from '@polarstack/base';
import { isFinal } from '@polarstack/domain';
import type { Command } from 'commander';
import { type AwaitOptions, awaitOperation } from '../change/await-operation.ts';
import { whoAsks } from '../change/make-operation.ts';
import { createOperationView, silentView } from '../change/operation-view.ts';
import { inNamespace } from '../change/outcome.ts';
import { renderOperation } from '../cluster/render-operation.ts';
import { type Connection, withConnection } from '../connect/connect.ts';
import { addGlobals, connectionOptions, type Globals, globalsOf } from '../connect/globals.ts';
import type { Io } from '../io.ts';
import { outputFormat, renderValue } from '../output/format.ts';
import { colorsFor, write } from '../output/screen.ts';
import { seconds } from './arguments.ts';
import { untilInterrupted } from './interrupt.ts';

type Steering = NonNullable<MPDOperation['spec']['steering']>;

interface Flags {
  readonly watch?: boolean;
  readonly timeout?: number;
  readonly fromFirst?: boolean;
  readonly step?: string;
}

interface Run {
  readonly connection: Connection;
  readonly operation: MPDOperation;
  readonly flags: Flags;
  readonly globals: Globals;
  readonly io: Io;
  readonly signal: AbortSignal;
}

export function registerOperation(program: Command, io: Io): void {
  const parent = program.command('operation').alias('op').description('show one operation, approve it, or steer it');
  const add = (name: string, description: string, work: (run: Run) => Promise<void>): Command => {
    const command = parent
      .command(name)
      .argument('<operation>', 'its name (polarstack operations)')
      .description(description)
      .option('-w, --watch', 'stay until it has ended, showing each step')
      .option('--timeout <seconds>', 'how long to wait', seconds, 3_600);
    addGlobals(command, ...connectionOptions, 'output').action(async (named: string, flags: Flags) => {
      const globals = globalsOf(command);
      outputFormat(globals.output, ['json', 'yaml']);
      await untilInterrupted(
        async (signal) =>
          await withConnection(globals, async (connection) => {
            const operation = await getOperation(connection, named, signal);
            await work({ connection, operation, flags, globals, io, signal });
          }),
      );
    });
    return command;
  };
  add('show', 'show its plan, its steps, and what is wrong', async (run) => {
    if (run.flags.watch === true && !isFinal(run.operation)) await follow(run);
    else await show(run, run.operation);
  });
  add('approve', 'let an operation begin that waits for approval', approve);
  add('pause', 'stop it after the step that runs', async (run) => await steer(run, 'Pause'));
  add(
    'resume',
    'go on with one that stopped or was paused, at the step where it stopped',
    async (run) => await steer(run, run.flags.fromFirst === true ? 'RestartFromFirst' : 'Resume'),
  ).option('--from-first', 'begin again at the first step; what is done already is seen and left');
  add('retry', 'try the step at which it stopped again', async (run) => await steer(run, 'RetryStep'));
  add(
    'skip',
    'leave out the step at which it stopped; whoever does that sees to its effect',
    async (run) => await steer(run, 'SkipStep'),
  ).option('--step <name>', 'only if this is the step at which it stopped');
  add('cancel', 'end it; steps that can be undone are undone', async (run) => await steer(run, 'Cancel'));
}

async function getOperation(connection: Connection, name: string, signal: AbortSignal): Promise<MPDOperation> {
  const { client, namespace } = connection;
  try {
    return await client.get(MPDOperations, { namespace, name }, signal);
  } catch (error) {
    if (!isStackError(error, 'NotFound')) throw error;
    const { items } = await client.list(MPDOperations, {}, signal);
    const elsewhere = items.find(({ metadata }) => metadata.name === name)?.metadata.namespace;
    throw new StackError('NotFound', `there is no operation ${name} in namespace ${namespace}`, {
      cause: error,
      remedy:
        elsewhere === undefined
          ? 'See `polarstack operations` for those there are.'
          : `There is one in namespace ${elsewhere}: add -n ${elsewhere}.`,
    });
  }
}

async function show({ globals, io }: Run, operation: MPDOperation): Promise<void> {
  const format = outputFormat(globals.output, ['json', 'yaml']);
  const text =
    format === 'json' || format === 'yaml'
      ? await renderValue(format, operation)
      : renderOperation(operation, colorsFor(io, globals), new Date());
  await write(io, text);
}

/** Waits for the end. */
async function follow(run: Run): Promise<void> {
  const { operation, error } = await waitFor(run, {}, true);
  if (operation) await show(run, operation);
  if (error) throw error;
}

async function waitFor(
  { connection: { client }, operation: { metadata, spec }, flags, globals, io, signal }: Run,
  more: Partial<Pick<AwaitOptions, 'judge'>>,
  visible: boolean,
) {
  return await awaitOperation({
    client,
    namespace: metadata.namespace ?? 'default',
    isMeant: (operation) => operation.metadata.uid === metadata.uid,
    ...(metadata.name && { name: metadata.name }),
    what: `${spec.type} of ${spec.cluster}`,
    timeoutMs: (flags.timeout ?? 3_600) * 1000,
    view: visible && globals.output === undefined ? createOperationView(io, colorsFor(io, globals)) : silentView,
    signal,
    ...more,
  });
}

async function approve(run: Run): Promise<void> {
  const { connection, operation, flags, globals, io, signal } = run;
  const { name = '', namespace = 'default', resourceVersion } = operation.metadata;
  const { approval } = operation.spec;
  if (!approval?.required)
    throw new StackError('Usage', `${name} needs no approval`, { remedy: 'Nothing is to be done.' });
  if (approval.approved)
    throw new StackError('Usage', `${name} is approved already${approval.approver ? `, by ${approval.approver}` : ''}`);
  // What was shown is what is approved: nobody has changed the operation since it was read.
  const body = { metadata: { resourceVersion }, spec: { approval: { approved: true, approver: whoAsks() } } };
  const approved = await connection.client.patch(MPDOperations, { namespace, name }, { type: 'merge', body }, signal);
  if (flags.watch === true) await follow(run);
  else if (globals.output === undefined) {
    await write(io, `${name} is approved; see polarstack operation show ${name}${inNamespace(namespace)} -w.\n`);
  } else await show(run, approved);
}

/** How long an operator may take to say what it makes of a steering, in milliseconds. */
const HEARD_MS = 60_000;

async function steer(run: Run, action: Steering['action']): Promise<void> {
  const { connection, operation, flags, globals, io, signal } = run;
  const { name = '', namespace = 'default' } = operation.metadata;
  const done = { Pause: 'is paused', Cancel: 'is being cancelled' } as const;
  if (isFinal(operation)) {
    throw new StackError('Usage', `${name} has ended (${operation.status?.phase}): there is nothing left to steer`, {
      remedy: 'Ask for a new operation.',
    });
  }
  const requestId = randomUUID();
  const { step } = flags;
  // A merge would keep the step of an earlier steering.
  const steering = { action, requestId, requester: whoAsks(), step: step ?? null };
  const body = { spec: { steering } };
  await connection.client.patch(MPDOperations, { namespace, name }, { type: 'merge', body }, signal);
  const answered = await waitFor(
    { ...run, flags: { timeout: HEARD_MS / 1000 } },
    { judge: (seen) => (seen.status?.handledSteering === requestId || isFinal(seen) ? 'done' : 'wait') },
    false,
  );
  if (answered.error?.code === 'OperationUnfinished') {
    throw new StackError('OperationUnfinished', `nobody has heeded ${action} of ${name} within ${HEARD_MS / 1000} s`, {
      cause: answered.error,
      remedy: 'It is heeded as soon as an operator sees it; `polarstack doctor` says whether one runs.',
    });
  }
  if (answered.error) throw answered.error;
  const steered = answered.operation?.status?.conditions?.find(({ type }) => type === 'Steered');
  if (steered?.status === 'False' && answered.operation?.status?.handledSteering === requestId) {
    throw new StackError('OperationRefused', `${action} of ${name} is refused: ${steered.message ?? ''}`, {
      remedy: 'Do what the message says.',
      details: { operation: name },
    });
  }
  if (flags.watch === true) {
    const { operation: ended, error } = await waitFor(run, {}, true);
    if (ended) await show(run, ended);
    // Whoever cancels wants it to be cancelled.
    if (error && !(action === 'Cancel' && error.code === 'OperationCancelled')) throw error;
  } else if (globals.output === undefined) {
    const what = action === 'Pause' || action === 'Cancel' ? done[action] : 'goes on';
    await write(io, `${name} ${what}; see polarstack operation show ${name}${inNamespace(namespace)} -w.\n`);
  } else if (answered.operation) await show(run, answered.operation);
}

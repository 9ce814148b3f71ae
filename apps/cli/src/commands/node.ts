import { isStackError, StackError } from '@polarstack/base';
import { createInformer, type KubeClient, Nodes, Pods } from '@polarstack/kube';
import type { Command } from 'commander';
import type { Node } from 'kubernetes-types/core/v1.js';
import { contactBackoff, keepContact, serverAway } from '../cluster/keep-contact.ts';
import { isReady, nodeView, POWER_ANNOTATION, renderNodes } from '../cluster/nodes.ts';
import { withConnection } from '../connect/connect.ts';
import { addGlobals, globalsOf } from '../connect/globals.ts';
import type { Io } from '../io.ts';
import { outputFormat, renderValue } from '../output/format.ts';
import { colorsFor, write } from '../output/screen.ts';
import { seconds } from './arguments.ts';
import { untilInterrupted } from './interrupt.ts';

export function registerNode(program: Command, io: Io): void {
  const node = program.command('node').description('nodes: list them, pull the plug of one, put it back');
  registerNodeList(node, io);
  registerPower(node, io, 'stop', 'pull the plug of a node: everything on it is killed at once');
  registerPower(node, io, 'start', 'put the plug back: what belongs on the node is started again');
}

function registerNodeList(node: Command, io: Io): void {
  const command = node.command('list').alias('ls').description('list the nodes');
  addGlobals(command, 'home', 'kubeconfig', 'context', 'output').action(async () => {
    const globals = globalsOf(command);
    const format = outputFormat(globals.output, ['json', 'yaml', 'name']);
    await untilInterrupted(
      async (signal) =>
        await withConnection(globals, async ({ client }) => {
          const [nodes, pods] = await Promise.all([client.list(Nodes, {}, signal), client.list(Pods, {}, signal)]);
          const views = nodes.items.map((each) => nodeView(each, pods.items));
          if (format === 'json' || format === 'yaml') await write(io, await renderValue(format, views));
          else if (format === 'name') await write(io, views.map(({ name }) => `${name}\n`).join(''));
          else await write(io, renderNodes(views, colorsFor(io, globals)));
        }),
    );
  });
}

function registerPower(node: Command, io: Io, verb: 'stop' | 'start', description: string): void {
  const command = node
    .command(verb)
    .argument('<node>', 'its name')
    .description(description)
    .option('--no-wait', 'do not wait until it is so')
    .option('--timeout <seconds>', 'how long to wait', seconds, 60);
  addGlobals(command, 'home', 'kubeconfig', 'context').action(
    async (name: string, flags: { readonly wait: boolean; readonly timeout: number }) => {
      await untilInterrupted(
        async (signal) =>
          await withConnection(globalsOf(command), async ({ client }) => {
            await setPower(client, name, verb === 'stop' ? 'off' : 'on', signal);
            if (flags.wait) await waitForNode(client, name, verb === 'start', flags.timeout * 1000, signal);
            const done = verb === 'stop' ? 'stopped' : 'running';
            await write(io, flags.wait ? `Node ${name} is ${done}.\n` : `Node ${name}: ${verb} is asked for.\n`);
          }),
      );
    },
  );
}

async function setPower(client: KubeClient, name: string, power: 'on' | 'off', signal: AbortSignal): Promise<void> {
  const body = { metadata: { annotations: { [POWER_ANNOTATION]: power } } };
  try {
    await client.patch(Nodes, { name }, { type: 'merge', body }, signal);
  } catch (error) {
    if (!isStackError(error, 'NotFound')) throw error;
    const { items } = await client.list(Nodes, {}, signal);
    const known = items.map(({ metadata }) => metadata?.name).join(', ');
    throw new StackError('NotFound', `there is no node ${name}`, { cause: error, remedy: `There are: ${known}.` });
  }
}

async function waitForNode(
  client: KubeClient,
  name: string,
  ready: boolean,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<void> {
  const contact = keepContact({ client, signal, timeoutMs });
  const informer = createInformer<Node>({
    client,
    resource: Nodes,
    fieldSelector: `metadata.name=${name}`,
    onError: contact.onError,
    backoff: contactBackoff,
  });
  const running = informer.start(contact.signal);
  try {
    await new Promise<void>((resolve, reject) => {
      informer.onChange(({ type, object }) => {
        if (type !== 'DELETED' && isReady(object) === ready) resolve();
      });
      contact.signal.throwIfAborted();
      contact.signal.addEventListener('abort', () => reject(contact.signal.reason), { once: true });
    });
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    const what = ready ? 'running' : 'stopped';
    if (contact.trouble) {
      throw serverAway(
        contact.trouble,
        `node ${name} is not ${what} yet`,
        'What was asked for is done then; see `polarstack node list`.',
      );
    }
    throw new StackError('Timeout', `node ${name} is not ${what} after ${timeoutMs / 1000} s`, {
      cause: error,
      remedy:
        'Only nodes of a local home can be switched; see `polarstack node list` and logs/control.log in the home.',
    });
  } finally {
    await contact.end();
    await running;
  }
}

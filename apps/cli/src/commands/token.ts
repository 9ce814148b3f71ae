import { STACK_NAMESPACE } from '@polarstack/api';
import { isStackError, StackError } from '@polarstack/base';
import {
  newToken,
  parseToken,
  renderToken,
  TOKENS_SECRET,
  type TokenRecord,
  type TokenScope,
  tokenScopes,
} from '@polarstack/domain';
import { type KubeClient, Namespaces, Secrets } from '@polarstack/kube';
import { type Command, Option } from 'commander';
import { type Connection, withConnection } from '../connect/connect.ts';
import { addGlobals, type Globals, globalsOf } from '../connect/globals.ts';
import type { Io } from '../io.ts';
import { outputFormat, renderValue } from '../output/format.ts';
import { write } from '../output/screen.ts';
import { renderTable } from '../output/table.ts';
import { wholeNumber } from './arguments.ts';
import { untilInterrupted } from './interrupt.ts';

const about = `
Tokens are for the REST API of the operator. Only their hashes are kept, in Secret ${STACK_NAMESPACE}/${TOKENS_SECRET}:
a token is shown once, when it is made.
`;

type Listed = TokenRecord & { readonly id: string };

export function registerToken(program: Command, io: Io): void {
  const parent = program
    .command('token')
    .description('make, list and revoke tokens of the REST API')
    .addHelpText('after', about);
  const connected = async (
    command: Command,
    work: (of: Connection, globals: Globals, signal: AbortSignal) => Promise<void>,
  ) => {
    const globals = globalsOf(command);
    outputFormat(globals.output, ['json', 'yaml']);
    await untilInterrupted(
      async (signal) => await withConnection(globals, async (connection) => await work(connection, globals, signal)),
    );
  };
  const show = async (globals: Globals, value: unknown, text: string): Promise<void> => {
    const format = outputFormat(globals.output, ['json', 'yaml']);
    await write(io, format === 'json' || format === 'yaml' ? await renderValue(format, value) : text);
  };
  const globalsHere = ['home', 'kubeconfig', 'context', 'output'] as const;

  const create = parent
    .command('create')
    .argument('<name>', 'whose it is; operations made with it are recorded under this name')
    .description('make a token and print it; it is not shown again')
    .addOption(
      new Option('--scope <scope>', 'read: see and plan; operate: also make and steer operations')
        .choices(tokenScopes)
        .default('read'),
    )
    .option('--days <number>', 'how long it is good for (default: until it is revoked)', wholeNumber(1, 3650));
  addGlobals(create, ...globalsHere).action(async (name: string, flags: { scope: TokenScope; days?: number }) => {
    mustBeName(name);
    await connected(create, async (connection, globals, signal) => {
      const { client } = connection;
      const taken = (await readTokens(client, signal)).find((token) => token.name === name);
      if (taken) {
        throw new StackError('AlreadyExists', `there is a token ${name} already (${taken.id})`, {
          remedy: `Choose another name, or revoke it first: polarstack token revoke ${name}`,
        });
      }
      const now = new Date();
      const expires = flags.days === undefined ? undefined : new Date(now.getTime() + flags.days * 86_400_000);
      const made = newToken(name, flags.scope, now, expires);
      await store(client, { [made.id]: Buffer.from(renderToken(made.record)).toString('base64') }, signal);
      const url = await restUrl(connection);
      const text = `${made.token}\n`;
      await show(globals, { id: made.id, name, scope: flags.scope, token: made.token, url: url ?? null }, text);
      if (globals.output === undefined && url !== undefined) io.stderr.write(`The REST API is at ${url}/api/v1/.\n`);
    });
  });

  const list = parent.command('list').description('list tokens, without what is secret');
  addGlobals(list, ...globalsHere).action(async () => {
    await connected(list, async ({ client }, globals, signal) => {
      const tokens = (await readTokens(client, signal)).map(withoutHash);
      const rows = tokens.map(({ id, name, scope, createdAt, expiresAt }) => [
        name,
        scope,
        id,
        createdAt,
        expiresAt ?? 'never',
      ]);
      const table = renderTable(['NAME', 'SCOPE', 'ID', 'MADE', 'ENDS'], rows);
      await show(globals, tokens, tokens.length === 0 ? 'There are no tokens.\n' : table);
    });
  });

  const revoke = parent
    .command('revoke')
    .argument('<name>', 'its name or its id')
    .description('end a token; streams that are open with it end within seconds');
  addGlobals(revoke, 'home', 'kubeconfig', 'context').action(async (named: string) => {
    await connected(revoke, async ({ client }, _globals, signal) => {
      const found = (await readTokens(client, signal)).find(({ id, name }) => id === named || name === named);
      if (!found) {
        throw new StackError('NotFound', `there is no token ${named}`, {
          remedy: '`polarstack token list` lists them.',
        });
      }
      await store(client, { [found.id]: null }, signal);
      await write(io, `Token ${found.name} (${found.id}) is revoked.\n`);
    });
  });
}

function withoutHash({ id, name, scope, createdAt, expiresAt }: Listed): Omit<Listed, 'hash'> {
  return { id, name, scope, createdAt, ...(expiresAt !== undefined && { expiresAt }) };
}

function mustBeName(name: string): void {
  if (/^[A-Za-z0-9]([A-Za-z0-9._@-]{0,61}[A-Za-z0-9])?$/.test(name)) return;
  throw new StackError('Usage', `${name} is no name for a token`, {
    remedy: 'Use up to 63 letters, digits and . _ @ -, beginning and ending with a letter or a digit.',
  });
}

async function readTokens(client: KubeClient, signal: AbortSignal): Promise<readonly Listed[]> {
  const secret = await client.find(Secrets, { namespace: STACK_NAMESPACE, name: TOKENS_SECRET }, signal);
  return Object.entries(secret?.data ?? {}).flatMap(([id, data]): readonly Listed[] => {
    const record = parseToken(Buffer.from(data, 'base64').toString('utf8'));
    return record ? [{ id, ...record }] : [];
  });
}

/** Sets or takes away one key; others of the same moment are left alone. */
async function store(
  client: KubeClient,
  data: Readonly<Record<string, string | null>>,
  signal: AbortSignal,
): Promise<void> {
  const key = { namespace: STACK_NAMESPACE, name: TOKENS_SECRET };
  await unlessThere(client.create(Namespaces, { metadata: { name: STACK_NAMESPACE } }, signal));
  await unlessThere(client.create(Secrets, { metadata: key, type: 'Opaque' }, signal));
  await client.patch(Secrets, key, { type: 'merge', body: { data } }, signal);
}

async function unlessThere(making: Promise<unknown>): Promise<void> {
  await making.catch((error: unknown) => {
    if (!isStackError(error, 'AlreadyExists')) throw error;
  });
}

async function restUrl({ home }: Connection): Promise<string | undefined> {
  if (home === undefined) return undefined;
  const { runningControl } = await import('@polarstack/local');
  return runningControl(home)?.restUrl;
}

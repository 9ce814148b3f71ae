import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { type MPDCluster, names } from '@polarstack/api';
import { isStackError, StackError } from '@polarstack/base';
import { ConfigMaps, Secrets } from '@polarstack/kube';
import type { Command } from 'commander';
import { getCluster } from '../cluster/find-cluster.ts';
import { type CliSettings, readCliSettings } from '../config.ts';
import { type Connection, withConnection } from '../connect/connect.ts';
import { addGlobals, connectionOptions, globalsOf } from '../connect/globals.ts';
import { findPsql } from '../psql/find-psql.ts';
import { type Login, writeLogin } from '../psql/login.ts';
import { collect } from './arguments.ts';

interface PsqlFlags {
  readonly command: readonly string[];
  readonly ro?: boolean;
}

export function registerPsql(program: Command): void {
  const command = program
    .command('psql')
    .argument('<cluster>', 'its name')
    .argument('[arguments...]', "arguments of psql itself, as they are; after -- also those that are this command's")
    .description('connect with psql as the owner of the application database; ends with the exit code of psql')
    .option('-c, --command <sql>', 'run this and end; may be repeated', collect, [])
    .option('--ro', 'connect to a read-only instance')
    .addHelpText(
      'after',
      "\nExamples:\n  polarstack psql demo -f schema.sql -v ON_ERROR_STOP=1\n  polarstack psql demo --ro -tAc 'select 1'\n",
    );
  addGlobals(command, ...connectionOptions).action(async (name: string, more: readonly string[], flags: PsqlFlags) => {
    const settings = readCliSettings();
    const psql = findPsql(settings);
    const login = await withConnection(
      globalsOf(command),
      async (connection) => await readLogin(connection, name, flags.ro === true),
    );
    const args = [...flags.command.flatMap((sql) => ['-c', sql]), ...more];
    process.exitCode = await runPsql(psql, args, login, settings);
  });
}

async function readLogin(connection: Connection, name: string, readOnly: boolean): Promise<Login> {
  const signal = new AbortController().signal;
  const { client } = connection;
  const cluster = await getCluster(connection, name, signal);
  const { namespace = connection.namespace } = cluster.metadata;
  const which = readOnly ? 'ro' : 'rw';
  const endpoint = cluster.status?.endpoints?.[which];
  // The read-only service is there also where nothing is behind it.
  const nothingBehind = readOnly && cluster.spec.followerNum === 0;
  if (nothingBehind || !endpoint?.host || !endpoint.port) throw missingEndpoint(cluster, which);
  const [secret, authority] = await Promise.all([
    client.get(Secrets, { namespace, name: names.app(name) }, signal).catch(notYet(name)),
    client.get(ConfigMaps, { namespace, name: names.ca(name) }, signal).catch(notYet(name)),
  ]);
  const value = (key: string): string => {
    const encoded = secret.data?.[key];
    if (encoded === undefined) throw new StackError('SecretMissing', `Secret ${names.app(name)} has no key ${key}`);
    return Buffer.from(encoded, 'base64').toString('utf8');
  };
  const caPem = authority.data?.['ca.crt'];
  if (caPem === undefined) throw new StackError('SecretMissing', `ConfigMap ${names.ca(name)} has no key ca.crt`);
  return {
    host: endpoint.host,
    port: endpoint.port,
    service: endpoint.service,
    database: value('dbname'),
    user: value('username'),
    password: value('password'),
    caPem,
  };
}

function missingEndpoint({ metadata, spec, status }: MPDCluster, which: 'rw' | 'ro'): StackError {
  const name = metadata.name ?? '';
  return which === 'ro' && spec.followerNum === 0
    ? new StackError('EndpointMissing', `cluster ${name} has no read-only instances`)
    : new StackError(
        'EndpointMissing',
        `cluster ${name} is ${status?.clusterStatus ?? 'new'} and has no ${which} endpoint yet`,
        {
          remedy: `Wait for it: polarstack status ${name} -w`,
        },
      );
}

function notYet(name: string): (error: unknown) => never {
  return (error) => {
    if (!isStackError(error, 'NotFound')) throw error;
    throw new StackError('EndpointMissing', `cluster ${name} has no access data yet: ${error.message}`, {
      cause: error,
      remedy: `Wait until it is ready: polarstack status ${name} -w`,
    });
  };
}

/** Runs psql on this terminal. Resolves with its exit code (128 + n where signal n ended it). */
async function runPsql(psql: string, args: readonly string[], login: Login, settings: CliSettings): Promise<number> {
  const files = writeLogin(login);
  // Ctrl-C is psql's: it cancels the query. We stay to clean up.
  const ignore = (): void => {};
  process.on('SIGINT', ignore);
  const remove = (): void => files.remove();
  process.on('exit', remove);
  try {
    const child = spawn(psql, [...args], { stdio: 'inherit', env: { ...settings.forPsql, ...files.environment } });
    const pass = (signal: NodeJS.Signals): boolean => child.kill(signal);
    process.on('SIGTERM', pass);
    process.on('SIGHUP', pass);
    try {
      return await new Promise<number>((resolve, reject) => {
        child.on('error', (cause) => reject(new StackError('PsqlMissing', `${psql}: ${cause.message}`, { cause })));
        child.on('close', (code, signal) => resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal])));
      });
    } finally {
      process.off('SIGTERM', pass);
      process.off('SIGHUP', pass);
    }
  } finally {
    process.off('SIGINT', ignore);
    process.off('exit', remove);
    remove();
  }
}

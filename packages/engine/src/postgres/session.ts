import { StackError } from '@polarstack/base';
import pg from 'pg';
import { SUPERUSER } from './layout.ts';

/** One connection as superuser through the unix socket. Not a pool: a session that failed once is thrown away. */
export interface Session {
  query<Row extends object = object>(sql: string, values?: readonly unknown[]): Promise<readonly Row[]>;
  readonly closed: boolean;
  close(): void;
}

export interface SessionOptions {
  readonly socketDir: string;
  readonly port: number;
  /** `postgres` where none is named. */
  readonly database?: string | undefined;
  readonly connectTimeoutMs: number;
  readonly queryTimeoutMs: number;
  /** Settings of the session, as `name=value`, beside those of all of ours. */
  readonly settings?: readonly string[];
  readonly signal: AbortSignal;
}

/**
 * Nothing a session of ours runs may reach a log or a view, whatever the cluster's parameters say: role statements carry
 * verifiers.
 */
const QUIET = [
  'log_statement=none',
  'log_min_error_statement=panic',
  'log_min_messages=error',
  'log_min_duration_statement=-1',
  'log_min_duration_sample=-1',
  'log_transaction_sample_rate=0',
  'log_duration=off',
  'track_activities=off',
  'pg_stat_statements.track=none',
  'pgaudit.log=none',
  'synchronous_commit=local',
  'lock_timeout=5s',
];

/** SQLSTATE classes that mean "no server to talk to" rather than "the statement is wrong". */
const isUnavailable = (code: string | undefined): boolean =>
  code === undefined || code.startsWith('57P') || code.startsWith('08') || /^E[A-Z]+$/.test(code);

const READ_ONLY = '25006';
const DISK_FULL = '53100';

function toStackError(error: unknown, what: string): StackError {
  if (error instanceof StackError) return error;
  const { message, code } = error as Error & { code?: string };
  if (/timeout/i.test(message) && !/^\d/.test(code ?? ''))
    return new StackError('EngineTimeout', `${what}: ${message}`, { cause: error });
  if (isUnavailable(code)) return new StackError('EngineNotRunning', `${what}: ${message}`, { cause: error });
  if (code === READ_ONLY) return new StackError('WrongRole', `${what}: this instance is read-only`, { cause: error });
  return new StackError(code === DISK_FULL ? 'DiskFull' : 'EngineQueryFailed', `${what}: ${message}`, {
    details: { sqlState: code },
  });
}

export async function openSession(options: SessionOptions): Promise<Session> {
  options.signal.throwIfAborted();
  const client = new pg.Client({
    host: options.socketDir,
    port: options.port,
    user: SUPERUSER,
    database: options.database ?? 'postgres',
    application_name: 'polarstack-agent',
    connectionTimeoutMillis: options.connectTimeoutMs,
    query_timeout: options.queryTimeoutMs,
    statement_timeout: options.queryTimeoutMs,
    ssl: false,
    options: [...QUIET, ...(options.settings ?? [])].map((setting) => `-c ${setting}`).join(' '),
  });
  let closed = false;
  let giveUp = (_reason: StackError): void => {};
  // A client that is ended while it connects never says what became of that.
  const givenUp = new Promise<never>((_, reject) => {
    giveUp = reject;
  });
  givenUp.catch(() => {});
  // After a time-out pg's client is in an undefined state: cut the wire, never reuse.
  const close = (): void => {
    if (closed) return;
    closed = true;
    giveUp(new StackError('EngineNotRunning', 'the connection was closed'));
    options.signal.removeEventListener('abort', close);
    client.end().catch(() => {});
    const { stream } = (client as unknown as { connection: { stream: { destroy(): void } } }).connection;
    setImmediate(() => stream.destroy());
  };
  client.on('error', close);
  client.on('end', close);
  options.signal.addEventListener('abort', close, { once: true });
  try {
    await Promise.race([client.connect(), givenUp]);
  } catch (error) {
    close();
    throw toStackError(error, 'cannot connect to the engine');
  }
  return {
    get closed() {
      return closed;
    },
    close,
    query: async <Row extends object>(sql: string, values: readonly unknown[] = []) => {
      if (closed) throw new StackError('EngineNotRunning', 'the connection to the engine is closed');
      try {
        // Without values the simple protocol: several statements in one round trip.
        const result = await (values.length === 0 ? client.query<Row>(sql) : client.query<Row>(sql, [...values]));
        return result.rows;
      } catch (error) {
        const failed = toStackError(error, 'the engine did not run a statement of the agent');
        if (failed.code === 'EngineTimeout' || failed.code === 'EngineNotRunning') close();
        throw failed;
      }
    },
  };
}

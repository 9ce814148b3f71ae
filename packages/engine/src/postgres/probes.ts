import { isStackError, StackError, withDeadline } from '@polarstack/base';
import type { EngineProbes, Glance } from '../driver.ts';
import type { Layout } from './layout.ts';
import { openSession, type Session } from './session.ts';

/** A look that takes longer has failed. */
const LIMIT_MS = 1_000;

interface Row {
  readonly in_recovery: boolean;
  readonly started_at: Date;
  readonly timeline: number | null;
  readonly lsn: string | null;
  readonly received_lsn: string | null;
  readonly receiver_status: string | null;
  readonly heard_ms: number | null;
}

/** From shared memory alone where the engine streams or writes: a disk that hangs must not look like an engine that does. */
const glance = `
select r.in_recovery,
       pg_postmaster_start_time() as started_at,
       case when r.in_recovery then w.received_tli
            else ('x' || substr(pg_walfile_name(pg_current_wal_flush_lsn()), 1, 8))::bit(32)::int end as timeline,
       case when r.in_recovery then pg_last_wal_replay_lsn() else pg_current_wal_flush_lsn() end::text as lsn,
       case when r.in_recovery then coalesce(w.flushed_lsn, pg_last_wal_receive_lsn()) end::text as received_lsn,
       w.status as receiver_status,
       (extract(epoch from clock_timestamp() - w.last_msg_receipt_time) * 1000)::float8 as heard_ms
  from (select pg_is_in_recovery() as in_recovery) r
  left join pg_stat_wal_receiver w on true`;

const control = `
select (select system_identifier::text from pg_control_system()) as system_id,
       (select timeline_id from pg_control_checkpoint()) as timeline`;

const SET_UP = [
  'create schema if not exists polarstack',
  // Room in its one page for the versions of the row: it does not grow.
  `create table if not exists polarstack.heartbeat (
     id int primary key, written_at timestamptz not null) with (fillfactor = 10)`,
].join(';');

const upsert = `insert into polarstack.heartbeat (id, written_at) values (1, clock_timestamp())
                on conflict (id) do update set written_at = excluded.written_at`;

/** No such table, no such schema. */
const isGone = (error: unknown): boolean =>
  isStackError(error, 'EngineQueryFailed') && ['42P01', '3F000'].includes(String(error.details.sqlState));

export function createProbes(layout: Layout): EngineProbes {
  const kept = (settings: readonly string[]) => keptSession(layout, settings);
  const looking = kept([]);
  // A cluster whose sessions are read-only by default takes writes all the same; and a lock is told from an engine that hangs.
  const writing = kept(['default_transaction_read_only=off', `lock_timeout=${LIMIT_MS / 2}ms`]);
  /** What does not change while an engine runs, and is in a file. */
  let known: { readonly session: Session; readonly systemId: string; readonly timeline: number } | undefined;

  return {
    glance: async (signal) =>
      await looking.use(signal, async (session) => {
        if (known?.session !== session) {
          const [row] = await session.query<{ system_id: string; timeline: number }>(control);
          known = { session, systemId: row?.system_id ?? '', timeline: row?.timeline ?? 0 };
        }
        const [row] = await session.query<Row>(glance);
        if (row === undefined) throw new Error('a query without a where clause answered no row');
        if (row.timeline !== null) known = { ...known, timeline: row.timeline };
        return describe(row, known);
      }),
    writeRow: async (signal) =>
      await writing.use(signal, async (session) => {
        try {
          await session.query(upsert);
        } catch (error) {
          if (!isGone(error)) throw error;
          await session.query(SET_UP);
          await session.query(upsert);
        }
      }),
    close: () => {
      looking.close();
      writing.close();
      known = undefined;
    },
  };
}

function describe(row: Row, { systemId, timeline }: { readonly systemId: string; readonly timeline: number }): Glance {
  return {
    role: row.in_recovery ? 'replica' : 'primary',
    startedAt: row.started_at.toISOString(),
    systemId,
    timeline,
    ...(row.lsn === null ? {} : { lsn: row.lsn }),
    ...(row.received_lsn === null ? {} : { receivedLsn: row.received_lsn }),
    streaming: row.receiver_status === 'streaming',
    ...(row.heard_ms === null ? {} : { upstreamHeardMs: Math.max(0, Math.round(row.heard_ms)) }),
  };
}

/** One session that stays open. One that broke since its last use (the engine was restarted) is replaced within the same look. */
function keptSession(layout: Layout, settings: readonly string[]) {
  let session: Session | undefined;
  const open = async (): Promise<Session> =>
    await openSession({
      ...{ socketDir: layout.socketDir, port: layout.port, settings },
      ...{ connectTimeoutMs: LIMIT_MS, queryTimeoutMs: LIMIT_MS },
      signal: new AbortController().signal,
    });
  const close = (): void => {
    session?.close();
    session = undefined;
  };

  const attempt = async <T>(work: (session: Session) => Promise<T>, given: { up: boolean }): Promise<T> => {
    const isOld = session !== undefined;
    if (session === undefined || session.closed) {
      const opened = await open();
      // Too late for this look, and nobody's session any more.
      if (given.up) {
        opened.close();
        throw new StackError('EngineTimeout', 'the session was opened too late');
      }
      session = opened;
    }
    const used = session;
    try {
      return await work(used);
    } catch (error) {
      if (!isOld || given.up || !isStackError(error, 'EngineNotRunning')) throw error;
      used.close();
      if (session === used) session = undefined;
      return await attempt(work, given);
    }
  };

  return {
    use: async <T>(signal: AbortSignal, work: (session: Session) => Promise<T>): Promise<T> =>
      await withDeadline(LIMIT_MS, signal, async (limited) => {
        const given = { up: false };
        const late = new Promise<never>((_, reject) =>
          limited.addEventListener(
            'abort',
            () => {
              given.up = true;
              reject(new StackError('EngineTimeout', `no answer within ${LIMIT_MS} ms`));
            },
            { once: true },
          ),
        );
        try {
          return await Promise.race([attempt(work, given), late]);
        } catch (error) {
          // Whatever is the matter with it, the next look begins anew.
          if (!isStackError(error, 'EngineQueryFailed')) close();
          throw error;
        }
      }),
    close,
  };
}

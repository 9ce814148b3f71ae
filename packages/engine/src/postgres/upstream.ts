import { readFile } from 'node:fs/promises';
import { StackError, waitFor } from '@polarstack/base';
import pg from 'pg';
import type { Upstream } from '../driver.ts';
import { type Layout, REPLICATOR, TOOL_SUFFIX } from './layout.ts';

const SETTLE_MS = 60_000;
const CONNECT_MS = 5_000;

const timelines = `
select case when pg_is_in_recovery() then null
            else ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int end as current,
       (select timeline_id from pg_control_checkpoint()) as written`;

/**
 * Waits until the upstream's control file tells the timeline it is on. After a promotion it tells the old one until the
 * next checkpoint, and pg_rewind (before 16) would find nothing to rewind. The promoting agent asks for that checkpoint.
 */
export async function untilTimelineIsWritten(layout: Layout, upstream: Upstream, signal: AbortSignal): Promise<void> {
  const [ca, cert, key] = await Promise.all(
    [layout.replicator.ca, layout.replicator.cert, layout.replicator.key].map(
      async (path) => await readFile(path, 'utf8'),
    ),
  );
  const client = new pg.Client({
    host: upstream.host,
    port: upstream.port,
    user: REPLICATOR,
    database: 'postgres',
    application_name: `${layout.instanceId}${TOOL_SUFFIX}`,
    connectionTimeoutMillis: CONNECT_MS,
    query_timeout: CONNECT_MS,
    ssl: { ca, cert, key, servername: upstream.serverName },
  });
  client.on('error', () => {});
  try {
    await client.connect();
    await waitFor(
      `the checkpoint after the promotion of ${upstream.instanceId}`,
      async () => {
        const { rows } = await client.query<{ current: number | null; written: number }>(timelines);
        const [row] = rows;
        return row && (row.current === null || row.current === row.written) ? true : undefined;
      },
      { signal, timeoutMs: SETTLE_MS },
    );
  } catch (error) {
    signal.throwIfAborted();
    throw new StackError(
      'EngineNotRunning',
      `the upstream ${upstream.instanceId} cannot be asked: ${(error as Error).message}`,
      {
        cause: error,
        remedy: 'See to it that the upstream runs and is a primary, then rewind again; nothing was changed yet.',
      },
    );
  } finally {
    await client.end().catch(() => {});
  }
}

import type { EngineRole, Observation, PeerObservation } from '../driver.ts';
import { TOOL_SUFFIX } from './layout.ts';
import type { Session } from './session.ts';

interface Row {
  readonly in_recovery: boolean;
  readonly version: string;
  readonly started_at: Date;
  readonly loaded_at: string;
  readonly system_id: string;
  readonly timeline: number;
  readonly lsn: string | null;
  readonly received_lsn: string | null;
  readonly upstream_lsn: string | null;
  readonly receiver_status: string | null;
  readonly replay_paused: boolean;
  readonly peers: readonly PeerObservation[] | null;
  readonly connections: number;
  readonly oldest_segment: string | null;
  readonly segment_size: string;
  readonly pending_restart: readonly string[] | null;
}

/**
 * All in one round trip. A primary's timeline is in the name of the WAL file it writes (the control file tells the old one
 * until the next checkpoint); a replica's is what it receives.
 */
const observation = `
select r.in_recovery,
       current_setting('server_version') as version,
       pg_postmaster_start_time() as started_at,
       pg_conf_load_time()::text as loaded_at,
       (select system_identifier::text from pg_control_system()) as system_id,
       case when r.in_recovery
            then coalesce(w.received_tli, (select timeline_id from pg_control_checkpoint()))
            else ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int end as timeline,
       case when r.in_recovery then pg_last_wal_replay_lsn() else pg_current_wal_lsn() end::text as lsn,
       case when r.in_recovery then coalesce(w.flushed_lsn, pg_last_wal_receive_lsn()) end::text as received_lsn,
       w.latest_end_lsn::text as upstream_lsn,
       w.status as receiver_status,
       r.in_recovery and pg_is_wal_replay_paused() as replay_paused,
       (select json_agg(json_build_object('instanceId', application_name, 'state', state,
                                          'sentLsn', coalesce(sent_lsn, '0/0'), 'flushLsn', coalesce(flush_lsn, '0/0'),
                                          'replayLsn', coalesce(replay_lsn, '0/0')) order by application_name)
          from pg_stat_replication where application_name not like '%${TOOL_SUFFIX}') as peers,
       (select count(*)::int from pg_stat_activity where backend_type = 'client backend') as connections,
       case when r.in_recovery then null
            else (select min(substr(name, 9)) from pg_ls_waldir() where name ~ '^[0-9A-F]{24}$') end as oldest_segment,
       (select setting from pg_settings where name = 'wal_segment_size') as segment_size,
       (select array_agg(name order by name) from pg_settings where pending_restart) as pending_restart
  from (select pg_is_in_recovery() as in_recovery) r
  left join pg_stat_wal_receiver w on true`;

const roleOf = (inRecovery: boolean): EngineRole => (inRecovery ? 'replica' : 'primary');

export async function probe(session: Session): Promise<EngineRole> {
  const [row] = await session.query<{ r: boolean }>('select pg_is_in_recovery() as r');
  return roleOf(row?.r === true);
}

export async function observe(session: Session): Promise<Observation> {
  const [row] = await session.query<Row>(observation);
  if (row === undefined) throw new Error('a query without a where clause answered no row');
  const { lsn, received_lsn: received, upstream_lsn: upstream } = row;
  return {
    role: roleOf(row.in_recovery),
    version: row.version.split(' ')[0] ?? row.version,
    startedAt: row.started_at.toISOString(),
    configLoadedAt: row.loaded_at,
    systemId: row.system_id,
    timeline: row.timeline,
    ...(lsn === null ? {} : { lsn }),
    ...(received === null ? {} : { receivedLsn: received }),
    ...(upstream === null ? {} : { upstreamLsn: upstream }),
    replayPaused: row.replay_paused,
    streaming: row.receiver_status === 'streaming',
    peers: row.peers ?? [],
    connections: row.connections,
    ...(row.oldest_segment === null ? {} : { oldestWal: startOfSegment(row.oldest_segment, Number(row.segment_size)) }),
    pendingRestart: row.pending_restart ?? [],
  };
}

/** Where a WAL file begins, from its name without the timeline. */
function startOfSegment(name: string, size: number): string {
  const [high, low] = [Number.parseInt(name.slice(0, 8), 16), Number.parseInt(name.slice(8), 16) * size];
  return `${high.toString(16).toUpperCase()}/${low.toString(16).toUpperCase()}`;
}

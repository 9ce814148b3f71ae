/** Roles, databases, slots and the canary: statements that can be run again at any time. */
import { isStackError, StackError } from '@polarstack/base';
import type { DatabaseSpec, RoleSpec } from '../driver.ts';
import { REPLICATOR, SLOT_PREFIX, SUPERUSER } from './layout.ts';
import { quoteIdentifier, quoteLiteral } from './quoting.ts';
import type { Session } from './session.ts';

const VERIFIER = /^SCRAM-SHA-256\$\d+:[A-Za-z0-9+/=]+\$[A-Za-z0-9+/=]+:[A-Za-z0-9+/=]+$/;

async function existing(session: Session, sql: string, names: readonly string[]): Promise<ReadonlySet<string>> {
  const rows = await session.query<{ name: string }>(sql, [names]);
  return new Set(rows.map(({ name }) => name));
}

function roleStatement(role: RoleSpec, exists: boolean): string {
  const flag = (name: string, on: boolean | undefined): string => `${on === true ? '' : 'NO'}${name}`;
  return [
    exists ? 'ALTER' : 'CREATE',
    'ROLE',
    quoteIdentifier(role.name),
    'WITH LOGIN',
    flag('SUPERUSER', role.superuser),
    flag('REPLICATION', role.replication === true || role.name === REPLICATOR),
    flag('CREATEDB', role.createdb),
    flag('CREATEROLE', role.createrole),
    ...(role.verifier === undefined ? [] : ['PASSWORD', quoteLiteral(role.verifier)]),
  ].join(' ');
}

/** `duplicate_object`, `duplicate_database`, `unique_violation`. */
const DUPLICATE: ReadonlySet<unknown> = new Set(['42710', '42P04', '23505']);

/**
 * Runs work that makes what it did not find, again where somebody else made it meanwhile: the backend of an agent that was
 * killed comes to its statement's end by itself.
 */
async function unlessMade(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!isStackError(error, 'EngineQueryFailed') || !DUPLICATE.has(error.details.sqlState)) throw error;
    await work();
  }
}

/** Creates or changes roles. A password is taken as a verifier only: clear text could be logged by the engine. */
export async function setRoles(session: Session, roles: readonly RoleSpec[]): Promise<void> {
  for (const [index, role] of roles.entries()) {
    if (role.name === SUPERUSER || role.name.startsWith('pg_'))
      throw new StackError('InvalidRequest', `roles[${index}].name: ${role.name} is the engine's own`);
    if (role.verifier !== undefined && !VERIFIER.test(role.verifier))
      throw new StackError('InvalidRequest', `roles[${index}].verifier is not a SCRAM-SHA-256 verifier`);
  }
  if (roles.length === 0) return;
  await unlessMade(async () => {
    const there = await existing(
      session,
      'select rolname as name from pg_roles where rolname = any($1)',
      roles.map(({ name }) => name),
    );
    await session.query(roles.map((role) => roleStatement(role, there.has(role.name))).join(';'));
  });
}

/**
 * Creates databases, or gives them to their owners. They are copies of template0, not of template1: before PostgreSQL 15
 * a copy of a template that is modified while a base backup runs can come out wrong on the replica, and template0 lets
 * nobody in who could; nor can a session in it be in the way.
 */
export async function setDatabases(session: Session, databases: readonly DatabaseSpec[]): Promise<void> {
  for (const { name, owner } of databases) {
    await unlessMade(async () => {
      const there = await existing(session, 'select datname as name from pg_database where datname = any($1)', [name]);
      await session.query(
        there.has(name)
          ? `ALTER DATABASE ${quoteIdentifier(name)} OWNER TO ${quoteIdentifier(owner)}`
          : `CREATE DATABASE ${quoteIdentifier(name)} OWNER ${quoteIdentifier(owner)} TEMPLATE template0`,
      );
    });
  }
}

/** Reads a page of the database that the session is in, as every client does first. */
export async function readCatalog(session: Session): Promise<void> {
  await session.query('select 1 from pg_catalog.pg_class limit 1');
}

interface SlotRow {
  readonly slot_name: string;
  readonly active_pid: number | null;
}

/** Exactly `wanted` of our slots exist afterwards. A slot in use is dropped once its user is sent away. */
export async function setSlots(session: Session, wanted: readonly string[]): Promise<void> {
  const list = async (): Promise<readonly SlotRow[]> =>
    await session.query<SlotRow>(
      `select slot_name, active_pid from pg_replication_slots
        where slot_type = 'physical' and not temporary and starts_with(slot_name, $1)`,
      [SLOT_PREFIX],
    );
  const there = await list();
  for (const name of wanted) {
    if (!there.some(({ slot_name }) => slot_name === name))
      await session.query('select pg_create_physical_replication_slot($1)', [name]);
  }
  for (const { slot_name, active_pid } of there.filter((slot) => !wanted.includes(slot.slot_name))) {
    if (active_pid !== null) {
      await session.query('select pg_terminate_backend($1)', [active_pid]);
      await waitUntilUnused(session, slot_name);
    }
    await session.query('select pg_drop_replication_slot($1)', [slot_name]);
  }
}

async function waitUntilUnused(session: Session, slot: string): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const rows = await session.query(
      'select 1 from pg_replication_slots where slot_name = $1 and active_pid is not null and pg_sleep(0.02) is not null',
      [slot],
    );
    if (rows.length === 0) return;
  }
}

/** What pg_rewind needs on its source when it does not come as superuser. */
const rewindFunctions = [
  'pg_ls_dir(text, boolean, boolean)',
  'pg_stat_file(text, boolean)',
  'pg_read_binary_file(text)',
  'pg_read_binary_file(text, bigint, bigint, boolean)',
];

/** One round trip, one transaction; nothing in it is secret. */
const preparation = [
  `do $$ begin
     if not exists (select from pg_roles where rolname = '${REPLICATOR}') then
       create role ${REPLICATOR} with login replication;
     end if;
   end $$`,
  ...rewindFunctions.map((name) => `grant execute on function pg_catalog.${name} to ${REPLICATOR}`),
  'create schema if not exists polarstack',
  `create table if not exists polarstack.canary (
     id int primary key check (id = 1), token text not null, written_at timestamptz not null default clock_timestamp())`,
].join(';');

export async function prepare(session: Session): Promise<void> {
  await session.query(preparation);
}

const upsert = `insert into polarstack.canary (id, token) values (1, $1)
                on conflict (id) do update set token = excluded.token, written_at = clock_timestamp()`;

/** The position is read after the commit, so everything up to the canary is before it. */
export async function writeCanary(session: Session, token: string): Promise<{ readonly lsn: string }> {
  await session.query(upsert, [token]);
  const [row] = await session.query<{ lsn: string }>('select pg_current_wal_lsn()::text as lsn');
  return { lsn: row?.lsn ?? '0/0' };
}

export async function readCanary(session: Session): Promise<string | null> {
  const [row] = await session.query<{ token: string }>('select token from polarstack.canary where id = 1');
  return row?.token ?? null;
}

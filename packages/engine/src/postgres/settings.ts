/**
 * The content of the configuration files.
 *
 * Owns: which settings are the stack's, and the text of `polarstack.conf`, `pg_hba.conf` and `pg_ident.conf`.
 * Invariants:
 *  S1. Settings of the stack come last and cannot be overridden by any layer.
 *  S2. Nobody logs in over the network without TLS; the superuser not at all.
 *  S3. Every value is quoted.
 */
import { isIP } from 'node:net';
import { StackError } from '@polarstack/base';
import type { Configuration, Upstream } from '../driver.ts';
import { type Layout, REPLICATOR, SUPERUSER } from './layout.ts';
import { connectionString, quoteHbaName, quoteSetting } from './quoting.ts';

/** Overridable: better than the engine's defaults for a database that is looked after by a stack. */
const defaults: Readonly<Record<string, string>> = {
  log_line_prefix: '%m [%p] %q%u@%d ',
  /** A replica that lost its upstream looks again after this; the engine's 5 s also delay a promotion. */
  wal_retrieve_retry_interval: '500ms',
  /** A member that never comes back must not fill the disk of the others. */
  max_slot_wal_keep_size: '4GB',
  /** A member that was rewound replays from the last checkpoint before the fork: its upstream must still have that WAL. */
  wal_keep_size: '512MB',
};

/** Names that no layer may set, beside those of {@link ownedSettings}: they would undo what the stack does. */
const refused = new Set([
  'config_file',
  'data_directory',
  'external_pid_file',
  'hba_file',
  'ident_file',
  'promote_trigger_file',
  'recovery_end_command',
  'recovery_min_apply_delay',
  'recovery_target',
  'recovery_target_action',
  'recovery_target_inclusive',
  'recovery_target_lsn',
  'recovery_target_name',
  'recovery_target_time',
  'recovery_target_timeline',
  'recovery_target_xid',
  'ssl_crl_dir',
  'ssl_crl_file',
  'unix_socket_group',
]);

/** How a member connects to its upstream, for streaming, base backup and rewind. */
export function upstreamConnection(
  layout: Layout,
  upstream: Upstream,
  extra: Readonly<Record<string, string | number>> = {},
): string {
  const { host, serverName } = upstream;
  if (isIP(host) === 0 && host !== serverName) {
    throw new StackError(
      'InvalidRequest',
      `upstream.host ${JSON.stringify(host)} is neither an IP address nor the upstream's serverName ${JSON.stringify(serverName)}`,
    );
  }
  return connectionString({
    host: serverName,
    ...(isIP(host) === 0 ? {} : { hostaddr: host }),
    port: upstream.port,
    user: REPLICATOR,
    application_name: layout.instanceId,
    sslmode: 'verify-full',
    sslrootcert: layout.replicator.ca,
    sslcert: layout.replicator.cert,
    sslkey: layout.replicator.key,
    gssencmode: 'disable',
    connect_timeout: 5,
    keepalives_idle: 5,
    keepalives_interval: 2,
    keepalives_count: 3,
    ...extra,
  });
}

function ownedSettings(layout: Layout, { role, upstream }: Configuration): Readonly<Record<string, string>> {
  return {
    listen_addresses: layout.listenAddress,
    port: String(layout.port),
    unix_socket_directories: layout.socketDir,
    unix_socket_permissions: '0700',
    cluster_name: layout.clusterName,
    ssl: 'on',
    ssl_ca_file: layout.tls.ca,
    ssl_cert_file: layout.tls.cert,
    ssl_key_file: layout.tls.key,
    password_encryption: 'scram-sha-256',
    restart_after_crash: 'off',
    hot_standby: 'on',
    wal_log_hints: 'on',
    log_destination: 'stderr',
    logging_collector: 'off',
    primary_conninfo: role === 'replica' && upstream ? upstreamConnection(layout, upstream) : '',
    primary_slot_name: role === 'replica' && upstream ? upstream.slot : '',
  };
}

const ownedNames: ReadonlySet<string> = new Set([
  ...refused,
  ...Object.keys(ownedSettings({ tls: {}, replicator: {} } as Layout, { parameters: {}, role: 'primary' })),
]);

/** True for a parameter that the stack sets itself: a value from any layer has no effect. */
export const isStackOwned = (name: string): boolean => ownedNames.has(name.toLowerCase());

/** The managed part of the configuration, included as the last thing in `postgresql.conf`. */
export function renderSettings(layout: Layout, configuration: Configuration): string {
  const line = ([name, value]: [string, string]): string => `${name} = ${quoteSetting(value)}`;
  const parameters = Object.entries(configuration.parameters)
    .filter(([name]) => !isStackOwned(name))
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return [
    '# Written by the agent of PolarDB Stack before every start and at every change; edits are lost.',
    '',
    '# Defaults',
    ...Object.entries(defaults).map(line),
    '',
    '# Template, class and parameters of the cluster',
    ...parameters.map(line),
    '',
    '# Settings of the stack',
    ...Object.entries(ownedSettings(layout, configuration)).map(line),
    '',
  ].join('\n');
}

/**
 * Who comes in: the agent as superuser through the socket (known by its operating system's user); members by certificate, for
 * replication and for pg_rewind; everybody else by TLS and SCRAM.
 */
export function renderHba(): string {
  const superuser = quoteHbaName(SUPERUSER);
  const replicator = quoteHbaName(REPLICATOR);
  const rule = (...fields: readonly string[]): string => fields.join(' ');
  return [
    '# Written by the agent of PolarDB Stack; edits are lost.',
    rule('local', 'all', superuser, 'peer', 'map=agent'),
    rule('hostssl', 'replication', replicator, 'all', 'cert'),
    rule('hostssl', quoteHbaName('postgres'), replicator, 'all', 'cert'),
    rule('host', 'all', superuser, 'all', 'reject'),
    rule('host', 'all', replicator, 'all', 'reject'),
    rule('hostssl', 'all', 'all', 'all', 'scram-sha-256'),
    '',
  ].join('\n');
}

export function renderIdent(osUser: string): string {
  return `# Written by the agent of PolarDB Stack; edits are lost.\nagent ${quoteHbaName(osUser)} ${quoteHbaName(SUPERUSER)}\n`;
}

const INCLUDE = "include 'polarstack.conf'";

/** `postgresql.conf` as initdb or the upstream left it, with our file included last. */
export function withInclude(main: string): string {
  const lines = main.split('\n').filter((line) => line.trim() !== INCLUDE);
  while (lines.at(-1)?.trim() === '') lines.pop();
  return [...lines, INCLUDE, ''].join('\n');
}

/** `postgresql.auto.conf` without what `ALTER SYSTEM` said about settings of the stack (it is read after ours). */
export function withoutOwned(auto: string): string {
  return auto
    .split('\n')
    .filter((line) => {
      const name = /^\s*([A-Za-z_][\w.]*)/.exec(line)?.[1];
      return name === undefined || !isStackOwned(name);
    })
    .join('\n');
}

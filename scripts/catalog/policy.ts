import type { PgSetting } from './pg-settings.ts';

/**
 * What we make of PostgreSQL's parameters: which ones the stack owns, and which defaults of ours differ from the
 * engine's. Everything else keeps the engine's default and may be changed by users.
 */

/** Cannot be set in a configuration file, or only describe the build. */
export const leftOut = (setting: PgSetting): boolean =>
  setting.context === 'internal' ||
  ['transaction_isolation', 'transaction_read_only', 'transaction_deferrable'].includes(setting.name);

/** Parameters that the stack sets or that its promises rest on. */
const ownedNames = new Set([
  'listen_addresses',
  'port',
  'reserved_connections',
  'bonjour',
  'bonjour_name',
  'cluster_name',
  'event_source',
  'password_encryption',
  'db_user_namespace',
  'gss_accept_delegation',
  'krb_caseins_users',
  'krb_server_keyfile',
  'fsync',
  'full_page_writes',
  'wal_log_hints',
  'data_sync_retry',
  'restart_after_crash',
  'wal_sync_method',
  'synchronous_standby_names',
  'synchronized_standby_slots',
  'primary_conninfo',
  'primary_slot_name',
  'hot_standby',
  'promote_trigger_file',
  'recovery_min_apply_delay',
  'recovery_init_sync_method',
  'wal_receiver_create_temp_slot',
  'sync_replication_slots',
  'dynamic_shared_memory_type',
  'shared_memory_type',
  'lc_messages',
  'lc_monetary',
  'lc_numeric',
  'lc_time',
  'session_replication_role',
  'default_transaction_read_only',
  'log_destination',
  'logging_collector',
  'log_directory',
  'log_filename',
  'log_file_mode',
  'log_rotation_age',
  'log_rotation_size',
  'log_truncate_on_rotation',
  'update_process_title',
  'exit_on_error',
  'allow_alter_system',
  'dynamic_library_path',
  'extension_control_path',
  'jit_provider',
  'syslog_facility',
  'syslog_ident',
  'syslog_sequence_numbers',
  'syslog_split_messages',
  'oauth_validator_libraries',
  'allow_system_table_mods',
  'role',
  'session_authorization',
  'temp_tablespaces',
]);

const ownedCategories = [
  'File Locations',
  'Developer Options',
  'Connections and Authentication / SSL',
  'Write-Ahead Log / Archiving',
  'Write-Ahead Log / Archive Recovery',
  'Write-Ahead Log / Recovery Target',
];

export const isOwned = (setting: PgSetting): boolean =>
  ownedNames.has(setting.name) ||
  setting.name.startsWith('unix_socket_') ||
  setting.name.startsWith('ssl') ||
  ownedCategories.includes(setting.category);

/** Shown to users although they are rarely changed; the rest of the changeable ones is visible, too. */
export const isVisible = (setting: PgSetting): boolean => !isOwned(setting);

/**
 * Our defaults. They suit small clusters whose members stream from each other; sizes that depend on the machine come
 * from the class. Those that `initdb` writes into its file are named even where they equal the built-in value.
 */
export const ourDefaults: Readonly<Record<string, string>> = {
  // What initdb writes for itself.
  max_connections: '100',
  shared_buffers: '64MB',
  dynamic_shared_memory_type: 'posix',
  max_wal_size: '1GB',
  min_wal_size: '80MB',
  DateStyle: 'ISO, MDY',
  TimeZone: 'UTC',
  log_timezone: 'UTC',
  default_text_search_config: 'pg_catalog.simple',
  // Owned by the stack.
  restart_after_crash: 'off',
  hot_standby: 'on',
  logging_collector: 'off',
  log_destination: 'stderr',
  password_encryption: 'scram-sha-256',
  ssl: 'on',
  wal_log_hints: 'on',
  fsync: 'on',
  full_page_writes: 'on',
  archive_mode: 'off',
  // Room for every member, for its rebuilt twin, and for tools.
  wal_level: 'replica',
  max_wal_senders: '32',
  max_replication_slots: '32',
  max_worker_processes: '16',
  superuser_reserved_connections: '5',
  // A replica that is gone must not fill the disk of its primary; a short absence or a rewind must not cost a rebuild.
  max_slot_wal_keep_size: '4GB',
  wal_keep_size: '512MB',
  // A lost peer is noticed in seconds, and a replica tries again at once.
  wal_sender_timeout: '10s',
  wal_receiver_timeout: '10s',
  wal_receiver_status_interval: '2s',
  wal_retrieve_retry_interval: '200ms',
  tcp_keepalives_idle: '60',
  tcp_keepalives_interval: '10',
  tcp_keepalives_count: '3',
  client_connection_check_interval: '10s',
  // Ordinary good sense.
  checkpoint_completion_target: '0.9',
  wal_compression: 'on',
  random_page_cost: '1.1',
  jit: 'off',
  track_io_timing: 'on',
  autovacuum_naptime: '30s',
  autovacuum_vacuum_scale_factor: '0.1',
  autovacuum_analyze_scale_factor: '0.05',
  log_line_prefix: '%m [%p] %q[user=%u,db=%d,app=%a] ',
  log_checkpoints: 'on',
  log_lock_waits: 'on',
  log_temp_files: '10MB',
  log_autovacuum_min_duration: '10min',
};

/** Narrower or wider than what the server of the generator says. */
export const ourRanges: Readonly<Record<string, string>> = {
  wal_level: '[replica|logical]',
  max_wal_senders: '[20-262143]',
  max_replication_slots: '[20-262143]',
  // Megabytes: a server does not start with less than two segments of its log.
  min_wal_size: '[32-2147483647]',
  max_wal_size: '[32-2147483647]',
};

/** Values that exist where the build has the library; a server without it refuses them itself. */
export const ofSomeBuilds: Readonly<Record<string, readonly string[]>> = {
  default_toast_compression: ['lz4'],
  wal_compression: ['lz4', 'zstd'],
  io_method: ['io_uring'],
};

const category = 'Customized Options';
const noBounds = { unit: null, min_val: null, max_val: null, enumvals: null };

/**
 * Parameters of pg_stat_statements: they exist only where it is preloaded, which a server in single-user mode does from
 * 15 on. They are the same in all majors.
 */
export const preloadedOnly: readonly PgSetting[] = [
  {
    ...noBounds,
    name: 'pg_stat_statements.max',
    category,
    context: 'postmaster',
    vartype: 'integer',
    min_val: '100',
    max_val: '1073741823',
    boot_val: '5000',
  },
  { ...noBounds, name: 'pg_stat_statements.save', category, context: 'sighup', vartype: 'bool', boot_val: 'on' },
  {
    ...noBounds,
    name: 'pg_stat_statements.track',
    category,
    context: 'superuser',
    vartype: 'enum',
    enumvals: ['none', 'top', 'all'],
    boot_val: 'top',
  },
  {
    ...noBounds,
    name: 'pg_stat_statements.track_planning',
    category,
    context: 'superuser',
    vartype: 'bool',
    boot_val: 'off',
  },
  {
    ...noBounds,
    name: 'pg_stat_statements.track_utility',
    category,
    context: 'superuser',
    vartype: 'bool',
    boot_val: 'on',
  },
];

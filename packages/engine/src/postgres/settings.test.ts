import { expect, test } from 'vitest';
import type { Upstream } from '../driver.ts';
import type { Layout } from './layout.ts';
import { isStackOwned, renderHba, renderSettings, upstreamConnection, withInclude, withoutOwned } from './settings.ts';

const tls = { ca: '/t/ca.crt', cert: '/t/tls.crt', key: '/t/tls.key' };
const layout: Layout = {
  dataDir: '/d/pgdata',
  workDir: '/d/agent',
  socketDir: '/run/p',
  listenAddress: '127.0.11.2',
  port: 5432,
  instanceId: '7',
  clusterName: 'pod-7',
  osUser: 'polarstack',
  tls,
  replicator: { ca: '/r/ca.crt', cert: '/r/tls.crt', key: '/r/tls.key' },
  env: {},
};
const upstream: Upstream = { instanceId: '1', host: '127.0.11.1', port: 5432, serverName: 'pod-1', slot: 'ins_7' };

/** The value that wins: the last one of a name. */
const effective = (text: string, name: string): string | undefined =>
  text
    .split('\n')
    .flatMap((line) => /^(\w+) = '(.*)'$/.exec(line)?.slice(1, 3) ?? [])
    .reduce<string | undefined>(
      (last, part, index, all) => (index % 2 === 0 && part === name ? all[index + 1] : last),
      undefined,
    );

test('S1: settings of the stack win over every layer, defaults lose', () => {
  const text = renderSettings(layout, {
    parameters: {
      Port: '1',
      listen_addresses: '*',
      ssl: 'off',
      restart_after_crash: 'on',
      wal_keep_size: '1GB',
      hba_file: '/x',
    },
    role: 'primary',
  });
  expect(effective(text, 'port')).toBe('5432');
  expect(effective(text, 'listen_addresses')).toBe('127.0.11.2');
  expect(effective(text, 'ssl')).toBe('on');
  expect(effective(text, 'restart_after_crash')).toBe('off');
  expect(effective(text, 'wal_keep_size')).toBe('1GB');
  expect(effective(text, 'primary_conninfo')).toBe('');
  expect(text).not.toContain('/x');
  expect(text).not.toContain('Port');
  expect(isStackOwned('RECOVERY_TARGET_TIME')).toBe(true);
});

test('S1: what ALTER SYSTEM says about them is dropped, the rest kept', () => {
  expect(withoutOwned("# note\nwork_mem = '1MB'\nprimary_conninfo = 'host=evil'\n  Port = 1\n")).toBe(
    "# note\nwork_mem = '1MB'\n",
  );
});

test('S2: the superuser and the replication user have no way in by password', () => {
  const rules = renderHba()
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));
  expect(rules).toEqual([
    'local all "postgres" peer map=agent',
    'hostssl replication "replicator" all cert',
    'hostssl "postgres" "replicator" all cert',
    'host all "postgres" all reject',
    'host all "replicator" all reject',
    'hostssl all all all scram-sha-256',
  ]);
});

test('a replica verifies its upstream by name while it connects by address', () => {
  const text = upstreamConnection(layout, upstream);
  for (const part of [
    "host='pod-1'",
    "hostaddr='127.0.11.1'",
    "sslmode='verify-full'",
    "user='replicator'",
    "application_name='7'",
  ])
    expect(text).toContain(part);
  expect(upstreamConnection(layout, { ...upstream, host: 'pod-1' })).not.toContain('hostaddr');
  expect(() => upstreamConnection(layout, { ...upstream, host: 'elsewhere' })).toThrow(/neither an IP address/);
});

test('our file is included once, last', () => {
  const once = withInclude('port = 1\n\n');
  expect(once).toBe("port = 1\ninclude 'polarstack.conf'\n");
  expect(withInclude(`${once}port = 2\n`)).toBe("port = 1\nport = 2\ninclude 'polarstack.conf'\n");
});

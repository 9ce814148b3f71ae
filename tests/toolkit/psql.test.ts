/** `polarstack psql` against a real PostgreSQL that only lets in who verifies it, over TLS, with a password. */
import { spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { type MPDCluster, MPDClusters, names } from '@polarstack/api';
import { waitFor } from '@polarstack/base';
import { ConfigMaps, Secrets } from '@polarstack/kube';
import { createAuthority, issueCertificate } from '@polarstack/pki';
import { missing } from '@polarstack/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type EmbeddedApi, startEmbeddedApi } from './embedded-api.ts';

const checkout = resolve(import.meta.dirname, '../..');
const PASSWORD = "s3cret:with\\odd'characters";
const now = new Date();

describe.skipIf(missing('postgres'))('polarstack psql', () => {
  let api: EmbeddedApi;
  let folder: string;
  let bin: string;
  let server: ReturnType<typeof spawn>;
  const account: { readonly uid?: number; readonly gid?: number } = process.getuid?.() === 0 ? unprivileged() : {};

  const asServer = (program: string, args: readonly string[]): void => {
    const { status, stderr } = spawnSync(join(bin, program), [...args], { ...account, cwd: folder, encoding: 'utf8' });
    if (status !== 0) throw new Error(`${program}: ${stderr}`);
  };

  async function addCluster(name: string, port: number, caPem: string, replicas: number): Promise<void> {
    const { client } = api;
    const namespace = 'default';
    await client.create(MPDClusters, {
      metadata: { name, namespace },
      spec: { dbClusterType: 'local', followerNum: replicas, classInfo: { className: 'local.small' } },
    } as MPDCluster);
    const rw = { host: '127.0.0.1', port, service: names.service(name, 'rw') };
    const status = { clusterStatus: 'Running', endpoints: { rw, ro: rw } };
    await client.patchStatus(MPDClusters, { namespace, name }, { type: 'merge', body: { status } });
    const data = { username: 'app', password: PASSWORD, dbname: 'postgres' };
    await client.create(Secrets, { metadata: { name: names.app(name), namespace }, stringData: data });
    await client.create(ConfigMaps, { metadata: { name: names.ca(name), namespace }, data: { 'ca.crt': caPem } });
  }

  beforeAll(async () => {
    bin = newestBin();
    folder = mkdtempSync(join(tmpdir(), 'polarstack-psql-test-'));
    chmodSync(folder, 0o755);
    const authority = await createAuthority({ commonName: 'cluster', days: 1, now });
    const stranger = await createAuthority({ commonName: 'stranger', days: 1, now });
    const pair = await issueCertificate({
      authority,
      commonName: 'pod',
      dnsNames: ['pg-rw'],
      usages: ['server'],
      days: 1,
      now,
    });
    const data = join(folder, 'data');
    mkdirSync(data, { mode: 0o700 });
    const own = (path: string): void => {
      if (account.uid !== undefined && account.gid !== undefined) chownSync(path, account.uid, account.gid);
    };
    own(folder);
    own(data);
    const put = (name: string, text: string): void => {
      writeFileSync(join(folder, name), text, { mode: 0o600 });
      own(join(folder, name));
    };
    put('server.crt', pair.certPem);
    put('server.key', pair.keyPem);
    put('password', PASSWORD);
    asServer('initdb', [
      '-D',
      data,
      '-U',
      'app',
      '-A',
      'scram-sha-256',
      '--pwfile',
      join(folder, 'password'),
      '--no-sync',
    ]);
    writeFileSync(join(data, 'pg_hba.conf'), 'hostssl all all 0.0.0.0/0 scram-sha-256\n');
    const port = await freePort();
    const settings = [
      `port=${port}`,
      'listen_addresses=127.0.0.1',
      `unix_socket_directories=${folder}`,
      'ssl=on',
      `ssl_cert_file=${join(folder, 'server.crt')}`,
      `ssl_key_file=${join(folder, 'server.key')}`,
      'log_statement=all',
    ];
    const args = ['-D', data, ...settings.flatMap((setting) => ['-c', setting])];
    server = spawn(join(bin, 'postgres'), args, { ...account, cwd: folder, stdio: 'ignore' });
    await waitFor(
      'the server',
      async () => spawnSync(join(bin, 'pg_isready'), ['-h', '127.0.0.1', '-p', String(port)]).status === 0 || undefined,
      { signal: AbortSignal.timeout(60_000), timeoutMs: 30_000 },
    );
    api = await startEmbeddedApi();
    await api.deploy('crds');
    await addCluster('pg', port, authority.certPem, 0);
    await addCluster('wrong-ca', port, stranger.certPem, 1);
  });

  afterAll(async () => {
    const ended = new Promise((done) => server.once('exit', done));
    server.kill('SIGQUIT');
    await ended;
    await api.stop();
    rmSync(folder, { recursive: true });
  });

  /** Runs the command line as a process of its own, with a temporary folder of its own. */
  async function polarstack(args: readonly string[], onStart?: (pid: number) => Promise<void>) {
    const temporary = mkdtempSync(join(folder, 'tmp-'));
    const child = spawn(
      process.execPath,
      ['--import', 'tsx', join(checkout, 'apps/cli/src/main.ts'), '--kubeconfig', api.kubeconfig, 'psql', ...args],
      {
        cwd: checkout,
        env: { ...process.env, TMPDIR: temporary, POLARSTACK_PG_BIN: bin, PGHOST: 'nowhere', PGPASSWORD: 'wrong' },
      },
    );
    const output = { stdout: '', stderr: '' };
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output.stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      output.stderr += text;
    });
    const ended = new Promise<number | null>((done) => child.once('close', done));
    try {
      await onStart?.(child.pid ?? 0);
    } catch (error) {
      child.kill();
      await ended;
      throw error;
    }
    const code = await ended;
    return { code, ...output, left: readdirSync(temporary).filter((name) => name.startsWith('polarstack')) };
  }

  test('connects verified and encrypted, and leaves no file behind', async () => {
    const sql = 'select current_user, ssl from pg_stat_ssl where pid = pg_backend_pid()';
    const { code, stdout, stderr, left } = await polarstack(['pg', '-c', sql, '-c', "select 'second'", '--', '-At']);
    expect([code, stdout, stderr, left]).toEqual([0, 'app|t\nsecond\n', '', []]);
  });

  test("psql's own options need no separator, and stay in their order", async () => {
    const { code, stdout, stderr } = await polarstack(['pg', '-tAc', 'select 1', '-v', 'n=2', '-c', 'select 3']);
    expect([code, stdout, stderr]).toEqual([0, '1\n3\n', '']);
  });

  test("ends with psql's exit code", async () => {
    expect((await polarstack(['pg', '-c', 'select 1/0'])).code).toBe(1);
    expect((await polarstack(['pg', '--', '-v', 'ON_ERROR_STOP=1', '-f', '/dev/null'])).code).toBe(0);
  });

  test('a server that the authority of the cluster did not sign is refused', async () => {
    const { code, stderr } = await polarstack(['wrong-ca', '-c', 'select 1']);
    expect([code, stderr]).toEqual([2, expect.stringContaining('certificate verify failed')]);
  });

  test('--ro of a cluster without replicas says so', async () => {
    const { code, stderr } = await polarstack(['pg', '--ro', '-c', 'select 1']);
    expect([code, stderr]).toEqual([6, expect.stringContaining('no read-only instances')]);
  });

  test('the password is in no argument and no environment of any process', async () => {
    const { code } = await polarstack(['pg', '-c', 'select pg_sleep(2)'], async (pid) => {
      const psql = await waitFor('psql', async () => childNamed(pid, 'psql'), {
        signal: AbortSignal.timeout(60_000),
        timeoutMs: 30_000,
        intervalMs: 10,
      });
      for (const each of [pid, psql]) {
        for (const file of ['cmdline', 'environ']) {
          expect(readFileSync(`/proc/${each}/${file}`, 'latin1')).not.toContain('s3cret');
        }
      }
      expect(readFileSync(`/proc/${psql}/environ`, 'latin1')).not.toMatch(/PGPASSWORD|PGHOST/);
    });
    expect(code).toBe(0);
  });
});

function childNamed(parent: number, name: string): number | undefined {
  for (const entry of readdirSync('/proc').filter((each) => /^\d+$/.test(each))) {
    try {
      const [, command, rest = ''] = /^\d+ \((.*)\) (.*)$/s.exec(readFileSync(`/proc/${entry}/stat`, 'utf8')) ?? [];
      if (command === name && Number(rest.split(' ')[1]) === parent) return Number(entry);
    } catch {
      // it ended while we looked
    }
  }
  return undefined;
}

function unprivileged(): { readonly uid: number; readonly gid: number } {
  const [, , uid, gid] = (readFileSync('/etc/passwd', 'utf8').match(/^nobody:.*$/m)?.[0] ?? '').split(':');
  return { uid: Number(uid), gid: Number(gid) };
}

function newestBin(): string {
  const root = '/usr/lib/postgresql';
  const [newest] = readdirSync(root).sort((a, b) => Number(b) - Number(a));
  return join(root, newest ?? '', 'bin');
}

async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((done) => probe.listen(0, '127.0.0.1', done));
  const address = probe.address();
  await new Promise((done) => probe.close(done));
  return typeof address === 'object' && address !== null ? address.port : 0;
}

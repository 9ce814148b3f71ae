import { execFile } from 'node:child_process';
import { access, readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { waitFor } from '@polarstack/base';
import { type KubeClient, Nodes, PersistentVolumeClaims, PersistentVolumes, Pods } from '@polarstack/kube';
import { findProcesses, POWER_ANNOTATION, readProcess } from '@polarstack/node-runtime';
import type { Node } from 'kubernetes-types/core/v1.js';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createFakeApi } from './fake-client.ts';
import {
  createTestHome,
  GENEROUS_MS,
  hasCondition,
  isReady,
  pod,
  podThat,
  sh,
  type TestHome,
  testUser,
} from './harness.ts';

const run = promisify(execFile);
const BIN = '/usr/lib/postgresql/15/bin';
const found = await access(`${BIN}/postgres`).then(
  () => true,
  () => false,
);
if (!found) console.warn(`skipped: tests with a real server need PostgreSQL 15 in ${BIN}`);

let client: KubeClient;
let home: TestHome;

beforeEach(async () => {
  client = createFakeApi().client;
  home = await createTestHome(client);
});
afterEach(async () => {
  await home.dispose();
});

// A killed postmaster that init has not reaped yet answers to its pid, and the next one would refuse to start; that it
// is dead is what the runtime has proven before it starts this.
const START = `set -e
data="$POLARSTACK_ROOT/data/pgdata"
[ -e "$data/PG_VERSION" ] || initdb -D "$data" -U postgres -A trust --no-sync >/dev/null
rm -f "$data/postmaster.pid" "$POLARSTACK_RUN"/.s.PGSQL.*
exec postgres -D "$data" -k "$POLARSTACK_RUN" -c listen_addresses="$POD_IP" -c port=5432 -c restart_after_crash=off`;

async function createServer(): Promise<void> {
  await client.create(PersistentVolumeClaims, {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name: 'data', namespace: 'default' },
    spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
  });
  await client.create(
    Pods,
    pod(
      'pg',
      {
        image: 'polarstack/postgres:15',
        command: sh(START),
        env: [{ name: 'POD_IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } }],
        ports: [{ name: 'postgres', containerPort: 5432 }],
        volumeMounts: [{ name: 'data', mountPath: '/data' }],
        startupProbe: { tcpSocket: { port: 'postgres' }, periodSeconds: 1, failureThreshold: 60 },
        readinessProbe: { exec: { command: sh('exec pg_isready -q -h "$POD_IP"') }, periodSeconds: 1 },
      },
      { volumes: [{ name: 'data', persistentVolumeClaim: { claimName: 'data' } }] },
    ),
  );
}

async function psql(host: string, ...statements: string[]): Promise<string> {
  const commands = statements.flatMap((statement) => ['-c', statement]);
  const { stdout } = await run(`${BIN}/psql`, ['-X', '-A', '-t', '-h', host, '-U', 'postgres', ...commands]);
  return stdout.trim();
}

const setPower = (name: string, power: 'on' | 'off'): Promise<Node> =>
  client.patch(Nodes, { name }, { type: 'merge', body: { metadata: { annotations: { [POWER_ANNOTATION]: power } } } });

const nodeThat = (name: string, what: string, is: (node: Node) => boolean): Promise<Node> =>
  waitFor(
    `node ${name} ${what}`,
    async () => {
      const node = await client.get(Nodes, { name });
      return is(node) ? node : undefined;
    },
    { signal: new AbortController().signal, timeoutMs: GENEROUS_MS, intervalMs: 5 },
  );

const ready = (status: string) => (node: Node) =>
  node.status?.conditions?.some((condition) => condition.type === 'Ready' && condition.status === status) ?? false;

const BUSY = `do $$ declare s timestamptz := clock_timestamp(); begin
  while clock_timestamp() < s + interval '5 seconds' loop end loop; end $$; insert into t values (2) returning 'acknowledged'`;

test.runIf(found)(
  'P1: a backend that is busy when the plug is pulled acknowledges nothing; the data is there when it is back',
  async () => {
    const runtime = await home.start();
    await createServer();
    const before = await podThat(client, 'pg', 'to be ready', isReady);
    const host = before.status?.podIP ?? '';
    const node = before.spec?.nodeName ?? '';
    await psql(host, 'create table t (i int)', 'insert into t values (1)');
    const busy = run(`${BIN}/psql`, ['-X', '-A', '-t', '-h', host, '-U', 'postgres', '-c', BUSY]).then(
      ({ stdout }) => stdout,
      (error: { stdout: string }) => error.stdout,
    );
    await waitFor(
      'the backend to be busy',
      async () => {
        const active = "select 1 from pg_stat_activity where state = 'active' and query like 'do $$%'";
        return (await psql(host, active)) || undefined;
      },
      { signal: new AbortController().signal, timeoutMs: GENEROUS_MS },
    );

    await setPower(node, 'off');
    await nodeThat(node, 'to be lost', ready('Unknown'));
    const { items } = await client.list(PersistentVolumes);
    const folder = `${home.home}/nodes/${node}`;
    const left = findProcesses({ roots: [], folders: [folder], markers: [`POLARSTACK_ROOT=${folder}/`] });
    expect(left).toEqual([]);
    expect(await busy).not.toContain('acknowledged');
    const lost = await podThat(client, 'pg', 'not to be ready', (p) => hasCondition(p, 'Ready', 'False'));
    expect(lost.status).toMatchObject({ phase: 'Running', containerStatuses: [{ state: { running: {} } }] });

    // P2: a new control leaves it off.
    await runtime.close();
    await home.start();
    expect(ready('Unknown')(await client.get(Nodes, { name: node }))).toBe(true);
    expect(findProcesses({ roots: [], folders: [folder], markers: [] })).toEqual([]);

    await setPower(node, 'on');
    await nodeThat(node, 'to be back', ready('True'));
    const after = await podThat(client, 'pg', 'to be ready again', isReady);
    expect(after.metadata?.uid).toBe(before.metadata?.uid);
    expect(after.status).toMatchObject({ podIP: host, containerStatuses: [{ restartCount: 1 }] });
    expect(await psql(host, 'select i from t')).toBe('1');
    expect(items).toHaveLength(1);
  },
);

test.runIf(found)(
  'backends of a server whose keeper and postmaster were killed are found by their folder',
  async () => {
    await home.start();
    await createServer();
    const before = await podThat(client, 'pg', 'to be ready', isReady);
    const host = before.status?.podIP ?? '';
    const [volume] = (await client.list(PersistentVolumes)).items;
    const folder = `${home.home}/nodes/${before.spec?.nodeName}/volumes/${volume?.metadata?.name}`;
    const [postmaster = ''] = (await readFile(`${folder}/pgdata/postmaster.pid`, 'utf8')).split('\n');
    const old = findProcesses({
      roots: [],
      folders: [folder],
      markers: [],
      ...(testUser ? { uid: testUser.uid } : {}),
    });
    expect(old.length).toBeGreaterThan(3);
    const keeper = readProcess(Number(postmaster))?.parent ?? 0;
    process.kill(keeper, 'SIGKILL');
    process.kill(Number(postmaster), 'SIGKILL');
    await podThat(
      client,
      'pg',
      'to restart',
      (p) => p.status?.containerStatuses?.[0]?.restartCount === 1 && isReady(p),
    );
    for (const { pid, startTime } of old) expect(readProcess(pid)?.startTime === startTime).toBe(false);
    expect(await psql(host, 'select 1')).toBe('1');
  },
);

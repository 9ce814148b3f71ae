/** A home with one cluster and a client that writes, to be changed at random: what a walk's changes and checks need of it. */
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type MPDCluster, MPDClusters, type MPDOperation, MPDOperations, names } from '@polarstack/api';
import { waitFor } from '@polarstack/base';
import {
  ConfigMaps,
  createKubeClient,
  type KubeClient,
  loadKubeconfig,
  Secrets,
  Services,
  updateWithRetry,
} from '@polarstack/kube';
import { clusterManifest, createTestHome, type TestHome } from '@polarstack/testkit';
import pg from 'pg';
import { type Login, startWriter, type Writer } from '../cluster-manager/writer.ts';
import { copyAsVersion, installedPostgres, laterMinor } from '../operations/second-minor.ts';

export const namespace = 'default';
export const signal = new AbortController().signal;

/** What the volumes of a walk begin with. */
export const SMALLEST = '256Mi';

export type Row = Readonly<Record<string, unknown>>;

export interface WalkScene {
  readonly home: TestHome;
  readonly client: KubeClient;
  readonly name: string;
  /** Names of minor versions in the catalog, oldest first. A spec that names none begins with the newest. */
  readonly versions: readonly string[];
  /** Repeats a call while the API server is away. */
  api<T>(what: string, call: () => Promise<T>): Promise<T>;
  cluster(): Promise<MPDCluster>;
  /** Operations of the cluster, oldest first. */
  operations(): Promise<readonly MPDOperation[]>;
  annotate(annotations: Readonly<Record<string, string>>): Promise<void>;
  patchSpec(spec: Readonly<Record<string, unknown>>): Promise<void>;
  steer(operation: MPDOperation, action: string): Promise<void>;
  /** Makes an operation object; answers its name. */
  make(type: string, parameters: Row, more?: Row, annotations?: Readonly<Record<string, string>>): Promise<string>;
  /** What users ask for in the ConfigMap, changed as by `kubectl edit`. */
  editParameters(change: (data: Readonly<Record<string, string>>) => Readonly<Record<string, string>>): Promise<void>;
  /** kill -9. */
  killControl(): void;
  killManager(): void;
  /** Starts the control process again, and waits until the API answers. */
  up(): Promise<void>;
  writer(): Promise<Writer>;
  sql(instance: string, text: string): Promise<readonly Row[]>;
  close(): Promise<void>;
}

const kill = (pid: number): void => {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
};

/** Later minor versions beside the installed one; see second-minor.ts for what of them is real. */
function laterMinors() {
  const installed = installedPostgres();
  const folder = mkdtempSync(join(tmpdir(), 'minors-'));
  chmodSync(folder, 0o755);
  const later = [10, 20].map((steps) => laterMinor(installed, steps));
  const bins = later.map((version) => copyAsVersion(installed, join(folder, version), version));
  return {
    env: { POLARSTACK_PG_BIN: [installed.bin, ...bins].join(':') },
    versions: [String(installed.major), ...later].map((version) => `postgresql-${version}`),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** The spec of a cluster that begins with the oldest version, so that there is something to upgrade to. */
export const atOldest = (spec: Row, [versionName]: readonly string[]): Row => ({
  ...spec,
  versionCfg: { versionName },
});

export async function createWalkScene(
  name: string,
  spec: Row | ((versions: readonly string[]) => Row),
  /** Settings of the home. */
  settings: Readonly<Record<string, string>> = {},
): Promise<WalkScene> {
  const home = createTestHome('polarstack-walk-');
  const { env, versions, remove } = laterMinors();
  await home.polarstackOk(['up', '--no-demo'], { timeoutMs: 300_000, env: { ...env, ...settings } });
  await home.kubectlOk(['apply', '-f', '-'], {
    input: clusterManifest(name, typeof spec === 'function' ? spec(versions) : spec),
  });
  await home.kubectlOk(['wait', '--for=condition=Ready', `mpd/${name}`, '--timeout=240s'], { timeoutMs: 260_000 });
  const client = createKubeClient(await loadKubeconfig(home.kubeconfig));
  const key = { namespace, name };
  let asked = 0;

  const scene: WalkScene = {
    home,
    client,
    name,
    versions,
    api: async (what, call) => {
      const answer = await waitFor(what, async () => ({ value: await call() }), {
        signal,
        timeoutMs: 60_000,
        intervalMs: 50,
      });
      return answer.value;
    },
    cluster: async () => await scene.api('the cluster', async () => await client.get(MPDClusters, key)),
    operations: async () =>
      await scene.api('the operations', async () => {
        const { items } = await client.list(MPDOperations, { namespace });
        const age = ({ metadata }: MPDOperation): string => `${metadata.creationTimestamp}/${metadata.name}`;
        return items.filter((one) => one.spec.cluster === name).sort((a, b) => (age(a) < age(b) ? -1 : 1));
      }),
    annotate: async (annotations) => {
      const body = { metadata: { annotations } };
      await scene.api('an annotation', async () => await client.patch(MPDClusters, key, { type: 'merge', body }));
    },
    patchSpec: async (change) => {
      const body = { spec: change };
      await client.patch(MPDClusters, key, { type: 'merge', body });
    },
    steer: async ({ metadata }, action) => {
      const steering = { action, requestId: `walk-${process.pid}-${++asked}`, requester: 'walk' };
      const of = { namespace, name: metadata.name ?? '' };
      await scene.api(
        'a steering',
        async () => await client.patch(MPDOperations, of, { type: 'merge', body: { spec: { steering } } }),
      );
    },
    make: async (type, parameters, more = {}, annotations = {}) => {
      const operation = `${name}-walk-${++asked}`;
      await client.create(MPDOperations, {
        apiVersion: 'mpd.polardb.aliyun.com/v1',
        kind: 'MPDOperation',
        metadata: { name: operation, namespace, annotations },
        spec: { cluster: name, type, parameters, planOnly: false, ...more },
      } as unknown as MPDOperation);
      return operation;
    },
    editParameters: async (change) => {
      await scene.api('an edit of the parameters', async () => {
        const of = { namespace, name: names.userParams(name) };
        return await updateWithRetry(client, ConfigMaps, of, (map) => ({
          ...map,
          data: { ...change(map.data ?? {}) },
        }));
      });
    },
    killControl: () => kill(home.controlPid()),
    killManager: () => {
      for (const { pid, command } of home.processes()) {
        if (/cluster-manager\.mjs/.test(command) && !command.startsWith('/bin/sh')) kill(pid);
      }
    },
    up: async () => {
      // Not to its end, which is the cluster's readiness.
      await home.polarstack(['up', '--no-demo', '--timeout', '0.05'], { timeoutMs: 300_000, env });
      await scene.cluster();
    },
    writer: async () => await startWriter(await login()),
    sql: async (instance, text) => {
      const { status } = await scene.cluster();
      const host = status?.dbInstanceStatus?.[instance]?.netInfo?.workingHostIP ?? '';
      const secret = names.account(name, status?.logicId ?? '', 'aurora');
      const account = await client.get(Secrets, { namespace, name: secret });
      const password = Buffer.from(account.data?.Password ?? '', 'base64').toString();
      const ssl = { rejectUnauthorized: false };
      const session = new pg.Client({ host, port: 5432, user: 'aurora', password, database: 'app', ssl });
      session.on('error', () => {});
      await session.connect();
      try {
        return (await session.query(text)).rows as readonly Row[];
      } finally {
        await session.end();
      }
    },
    close: async () => {
      await client.close();
      await home.remove();
      remove();
    },
  };
  const login = async (): Promise<Login> =>
    await scene.api('the login', async () => {
      const [service, secret] = await Promise.all([
        client.get(Services, { namespace, name: names.service(name, 'rw') }),
        client.get(Secrets, { namespace, name: names.app(name) }),
      ]);
      const password = Buffer.from(secret.data?.password ?? '', 'base64').toString();
      return { host: service.spec?.clusterIP ?? '', port: 5432, password };
    });
  return scene;
}

/** What a log of the home says, its older part first. */
export function logLines({ home }: Pick<WalkScene, 'home'>, name: string): readonly string[] {
  return [`${name}.1`, name]
    .map((file) => join(home.dir, 'logs', file))
    .filter((path) => existsSync(path))
    .flatMap((path) => readFileSync(path, 'utf8').split('\n'));
}

/** A home with one cluster and a client that writes; operations on its members, and what must hold after each. */
import { type MPDCluster, MPDClusters, type MPDOperation, MPDOperations, names } from '@polarstack/api';
import { waitFor } from '@polarstack/base';
import {
  ConfigMaps,
  createKubeClient,
  type KubeClient,
  loadKubeconfig,
  PersistentVolumeClaims,
  Pods,
  Secrets,
  Services,
} from '@polarstack/kube';
import { clusterManifest, createTestHome, type TestHome } from '@polarstack/testkit';
import pg from 'pg';
import { type Login, startWriter, type Writer } from '../cluster-manager/writer.ts';

const namespace = 'default';
export const signal = new AbortController().signal;
export const patient = { signal, timeoutMs: 240_000, intervalMs: 100 } as const;

export interface MembersScene {
  readonly home: TestHome;
  readonly client: KubeClient;
  readonly name: string;
  cluster(): Promise<MPDCluster>;
  /** Ids of the instances, lowest first. */
  ids(): Promise<readonly string[]>;
  leader(): Promise<string>;
  annotate(annotations: Readonly<Record<string, string>>): Promise<void>;
  /** Makes an operation; answers its name. */
  ask(type: string, parameters: Readonly<Record<string, unknown>>): Promise<string>;
  /** Makes an operation; answers it when it has ended or stopped. */
  operate(type: string, parameters: Readonly<Record<string, unknown>>): Promise<MPDOperation>;
  /** The newest operation of a type, when it has ended or stopped. */
  ended(type: string, after?: number): Promise<MPDOperation>;
  /** Operations of a type, oldest first. */
  operations(type: string): Promise<readonly MPDOperation[]>;
  count(type: string): Promise<number>;
  /** Of the HA record: it grows by one with each switch. */
  epoch(): Promise<number>;
  resume(operation: MPDOperation): Promise<MPDOperation>;
  ready(): Promise<void>;
  login(): Promise<Login>;
  writer(): Promise<Writer>;
  /** Every row is on every instance, and nothing is left of instances that are gone. */
  whole(rows: readonly number[]): Promise<void>;
  sql(instance: string, text: string): Promise<readonly Readonly<Record<string, unknown>>[]>;
  /** A session on one instance, as superuser. */
  session(instance: string, database?: string): Promise<pg.Client>;
  /** Until the agent of every instance answers, also of those that an operation is making. */
  agentsAnswer(): Promise<void>;
  /** What `polarstack why` says. */
  why(): Promise<string>;
  close(): Promise<void>;
}

const stopped = new Set(['Succeeded', 'Failed', 'Cancelled', 'Interrupted']);

export async function createMembersScene(
  name: string,
  spec: Readonly<Record<string, unknown>>,
  env: Readonly<Record<string, string>> = {},
  /** Called with the home that is up, before the cluster is made. */
  prepare: (home: TestHome) => void | Promise<void> = () => {},
): Promise<MembersScene> {
  const home = createTestHome();
  try {
    await home.polarstackOk(['up', '--no-demo'], { timeoutMs: 300_000, env });
    await prepare(home);
    return await sceneIn(home, name, spec);
  } catch (error) {
    await home.remove();
    throw error;
  }
}

async function sceneIn(home: TestHome, name: string, spec: Readonly<Record<string, unknown>>): Promise<MembersScene> {
  await home.kubectlOk(['apply', '-f', '-'], { input: clusterManifest(name, spec) });
  const ready = async (): Promise<void> => {
    await home.kubectlOk(['wait', '--for=condition=Ready', `mpd/${name}`, '--timeout=240s'], { timeoutMs: 260_000 });
  };
  await ready();
  const client = createKubeClient(await loadKubeconfig(home.kubeconfig));
  const cluster = async () => await client.get(MPDClusters, { namespace, name });
  const entries = async () => (await cluster()).status?.dbInstanceStatus ?? {};
  const operations = async (type: string) =>
    (await client.list(MPDOperations, { namespace })).items
      .filter(({ spec: { type: of } }) => of === type)
      .sort((a, b) => ((a.metadata.creationTimestamp ?? '') < (b.metadata.creationTimestamp ?? '') ? -1 : 1));
  const login = async (): Promise<Login> => {
    const [service, secret] = await Promise.all([
      client.get(Services, { namespace, name: names.service(name, 'rw') }),
      client.get(Secrets, { namespace, name: names.app(name) }),
    ]);
    const password = Buffer.from(secret.data?.password ?? '', 'base64').toString();
    return { host: service.spec?.clusterIP ?? '', port: 5432, password };
  };
  const end = async (operation: string): Promise<MPDOperation> =>
    await waitFor(
      `${operation} to end`,
      async () => {
        const found = await client.get(MPDOperations, { namespace, name: operation });
        return stopped.has(found.status?.phase ?? '') ? found : undefined;
      },
      patient,
    );
  let asked = 0;

  const scene: MembersScene = {
    home,
    client,
    name,
    cluster,
    ids: async () => Object.keys(await entries()).sort((a, b) => Number(a) - Number(b)),
    leader: async () => (await cluster()).status?.leaderInstanceId ?? '',
    annotate: async (annotations) => {
      await client.patch(MPDClusters, { namespace, name }, { type: 'merge', body: { metadata: { annotations } } });
    },
    ask: async (type, parameters) => {
      const operation = `test-${++asked}-${type.toLowerCase()}`;
      await client.create(MPDOperations, {
        apiVersion: 'mpd.polardb.aliyun.com/v1',
        kind: 'MPDOperation',
        metadata: { name: operation, namespace },
        spec: { cluster: name, type, parameters, planOnly: false },
      } as MPDOperation);
      return operation;
    },
    operate: async (type, parameters) => await end(await scene.ask(type, parameters)),
    operations,
    epoch: async () => {
      const { data } = await client.get(ConfigMaps, { namespace, name: `${name}-cmconfig` });
      return (JSON.parse(data?.record ?? '{}') as { readonly epoch: number }).epoch;
    },
    count: async (type) => (await operations(type)).length,
    ended: async (type, after = 0) => {
      const made = await waitFor(`operation ${type}`, async () => (await operations(type))[after], patient);
      return await end(made.metadata.name ?? '');
    },
    resume: async ({ metadata }) => {
      const key = { namespace, name: metadata.name ?? '' };
      const steering = { action: 'Resume', requestId: `resume-${++asked}` };
      await client.patch(MPDOperations, key, { type: 'merge', body: { spec: { steering } } });
      await waitFor(
        'the operation to go on',
        async () => (await client.get(MPDOperations, key)).status?.handledSteering === steering.requestId || undefined,
        patient,
      );
      return await end(key.name);
    },
    ready,
    login,
    writer: async () => await startWriter(await login()),
    whole: async (rows) => {
      await ready();
      const members = await entries();
      const pods = Object.values(members).map(({ podName = '' }) => podName);
      const mine = { namespace, labelSelector: `apsara.metric.clusterName=${name}` };
      const named = (items: readonly { readonly metadata?: { readonly name?: string } }[]) =>
        items.map(({ metadata }) => metadata?.name ?? '').sort();
      for (const resource of [Pods, PersistentVolumeClaims] as const) {
        const found = named((await client.list(resource as typeof Pods, mine)).items);
        if (found.join() !== [...pods].sort().join()) throw new Error(`${resource.plural}: ${found.join()}`);
      }
      const secrets = named((await client.list(Secrets, { namespace })).items).filter((one) => one.endsWith('-tls'));
      if (
        secrets.join() !==
        pods
          .map((pod) => `${pod}-tls`)
          .sort()
          .join()
      )
        throw new Error(`secrets: ${secrets.join()}`);
      for (const id of Object.keys(members)) {
        const others = Object.keys(members).filter((other) => other !== id);
        const slots = await scene.sql(id, `select slot_name from pg_replication_slots where slot_name like 'ins_%'`);
        const found = slots.map(({ slot_name: slot }) => String(slot)).sort();
        if (
          found.join() !==
          others
            .map((other) => `ins_${other}`)
            .sort()
            .join()
        ) {
          throw new Error(`slots of ${id}: ${found.join()}`);
        }
        await waitFor(
          `every row on ${id}`,
          async () => {
            const found = await scene.sql(id, 'select n from written');
            const has = new Set(found.map(({ n }) => Number(n)));
            const lost = rows.filter((row) => !has.has(row));
            if (lost.length > 0) throw new Error(`${lost.length} of ${rows.length} rows are not on ${id}`);
            return true;
          },
          patient,
        );
      }
    },
    session: async (id, database = 'app') => {
      const host = (await entries())[id]?.netInfo?.workingHostIP ?? '';
      const secret = names.account(name, (await cluster()).status?.logicId ?? '', 'aurora');
      const account = await client.get(Secrets, { namespace, name: secret });
      const password = Buffer.from(account.data?.Password ?? '', 'base64').toString();
      const ssl = { rejectUnauthorized: false };
      const session = new pg.Client({ host, port: 5432, user: 'aurora', password, database, ssl });
      session.on('error', () => {});
      await session.connect();
      return session;
    },
    agentsAnswer: async () => {
      await waitFor(
        'every agent to answer',
        async () => (await home.cluster(name)).instances.every(({ source }) => source === 'agent') || undefined,
        patient,
      );
    },
    why: async () => await home.polarstackOk(['why', name]),
    sql: async (id, text) => {
      const session = await scene.session(id);
      try {
        return (await session.query(text)).rows as readonly Readonly<Record<string, unknown>>[];
      } finally {
        await session.end();
      }
    },
    close: async () => {
      await client.close();
      await home.remove();
    },
  };
  return scene;
}

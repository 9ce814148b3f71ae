/** A home with one cluster, asked for switchovers through its HA record, as the operator asks. */
import { readFileSync } from 'node:fs';
import { labels, names } from '@polarstack/api';
import { waitFor } from '@polarstack/base';
import { type HaRecord, parseRecord, renderRecord, requestSwitch, resultOf, type SwitchResult } from '@polarstack/ha';
import {
  ConfigMaps,
  createKubeClient,
  type KubeClient,
  loadKubeconfig,
  Pods,
  Secrets,
  Services,
} from '@polarstack/kube';
import { clusterManifest, createTestHome, type TestHome } from '@polarstack/testkit';
import type { Login } from './writer.ts';

export const signal = new AbortController().signal;
export const patient = { signal, timeoutMs: 90_000, intervalMs: 20 } as const;

export interface Scene {
  readonly home: TestHome;
  readonly client: KubeClient;
  readonly name: string;
  record(): Promise<HaRecord>;
  /** Changes the record by compare-and-swap. */
  change(how: (record: HaRecord) => HaRecord): Promise<void>;
  /** Puts a request into the record; answers its id. */
  ask(target?: string, options?: { readonly id?: string; readonly deadlineMs?: number }): Promise<string>;
  result(id: string): Promise<SwitchResult>;
  /** Asks and waits. */
  switchTo(target?: string): Promise<SwitchResult>;
  login(): Promise<Login>;
  /** Where the rw service leads: an instance id. */
  routed(): Promise<string | undefined>;
  podOf(instanceId: string): Promise<string>;
  /** Every instance is ready, in the role that the record gives it. */
  settled(): Promise<HaRecord>;
  /** Pids of the postmasters, by pod. */
  engines(): Promise<Readonly<Record<string, number | null>>>;
  /** Pid of the cluster manager's program; undefined while there is none. */
  managerPid(): number | undefined;
  /** Pid of the agent of a pod. */
  agentPid(pod: string): number | undefined;
  close(): Promise<void>;
}

export async function createScene(followers = 2, name = 'sw'): Promise<Scene> {
  const home = createTestHome();
  await home.polarstackOk(['up', '--no-demo'], { timeoutMs: 300_000 });
  await home.kubectlOk(['apply', '-f', '-'], { input: clusterManifest(name, { followerNum: followers }) });
  await home.kubectlOk(['wait', '--for=condition=Ready', `mpd/${name}`, '--timeout=240s'], { timeoutMs: 260_000 });
  const client = createKubeClient(await loadKubeconfig(home.kubeconfig));
  const key = { namespace: 'default', name: names.haRecord(name) };

  const record = async (): Promise<HaRecord> => parseRecord((await client.get(ConfigMaps, key)).data?.record ?? '');
  const change: Scene['change'] = async (how) => {
    await waitFor(
      'a write of the record',
      async () => {
        const object = await client.get(ConfigMaps, key);
        const before = parseRecord(object.data?.record ?? '');
        const next = how(before);
        if (next !== before) await client.replace(ConfigMaps, { ...object, data: { record: renderRecord(next) } });
        return true;
      },
      patient,
    );
  };
  let asked = 0;
  const ask: Scene['ask'] = async (target, { id = `test-${++asked}`, deadlineMs = 60_000 } = {}) => {
    const now = Date.now();
    await change((before) =>
      requestSwitch(before, {
        id,
        kind: 'switchover',
        ...(target === undefined ? {} : { target }),
        reason: 'a test',
        requester: 'test',
        at: new Date(now).toISOString(),
        deadline: new Date(now + deadlineMs).toISOString(),
      }),
    );
    return id;
  };
  const result: Scene['result'] = async (id) =>
    await waitFor(`the result of ${id}`, async () => resultOf(await record(), id), patient);
  const pidOf = (what: RegExp, pod: string): number | undefined =>
    home.processes().find(({ pid, command }) => {
      if (!what.test(command) || command.startsWith('/bin/sh')) return false;
      try {
        return readFileSync(`/proc/${pid}/environ`, 'latin1').includes(`_${pod}_`);
      } catch {
        // It ended meanwhile.
        return false;
      }
    })?.pid;

  return {
    home,
    client,
    name,
    record,
    change,
    ask,
    result,
    switchTo: async (target) => await result(await ask(target)),
    login: async () => {
      const [service, secret] = await Promise.all([
        client.get(Services, { namespace: 'default', name: names.service(name, 'rw') }),
        client.get(Secrets, { namespace: 'default', name: names.app(name) }),
      ]);
      const password = Buffer.from(secret.data?.password ?? '', 'base64').toString();
      return { host: service.spec?.clusterIP ?? '', port: 5432, password };
    },
    routed: async () => {
      const service = await client.get(Services, { namespace: 'default', name: names.service(name, 'rw') });
      return service.spec?.selector?.[labels.instanceId];
    },
    podOf: async (instanceId) => (await record()).members[instanceId]?.pod ?? '',
    settled: async () =>
      await waitFor(
        'every instance to be in its role',
        async () => {
          const now = await record();
          if (now.switch || now.request) return undefined;
          const { instances } = await home.cluster(name);
          const roleOf = (pod: string): string => (now.members[now.primary]?.pod === pod ? 'primary' : 'replica');
          const fine = instances.every((one) => one.ready && one.role === roleOf(one.name));
          const pods = await client.list(Pods, {
            namespace: 'default',
            labelSelector: `${labels.clusterName}=${name}`,
          });
          const labelled = pods.items.every(
            ({ metadata }) => metadata?.labels?.[labels.role] === roleOf(metadata?.name ?? ''),
          );
          return fine && labelled && instances.length === followers + 1 ? now : undefined;
        },
        { ...patient, intervalMs: 200 },
      ),
    engines: async () => {
      const { instances } = await home.cluster(name);
      return Object.fromEntries(instances.map((one) => [one.name, one.pid]));
    },
    managerPid: () => pidOf(/cluster-manager\.mjs/, 'polarstack-cluster-manager'),
    agentPid: (pod) => pidOf(/agent\.mjs/, pod),
    close: async () => {
      await client.close();
      await home.remove();
    },
  };
}

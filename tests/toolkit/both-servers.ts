/** Runs one suite of the toolkit against the embedded API server and a real one, and says how much ran on each. */
import { waitFor } from '@polarstack/base';
import { createKubeClient, type KubeConnection, type KubeHttpClient, Namespaces } from '@polarstack/kube';
import { type KubeTestServer, kubeServers } from '@polarstack/testkit/kube-servers';
import { afterAll, afterEach, beforeAll, beforeEach, describe } from 'vitest';

/** What a case has at hand; all of it ends with the case. */
export interface Scene {
  readonly server: KubeTestServer;
  /** Straight to the server, as the administrator: what others do while the part under test suffers. */
  readonly direct: KubeHttpClient;
  /** Of this case alone. */
  readonly namespace: string;
  readonly signal: AbortSignal;
  /** Something that runs until the signal aborts; awaited at the end. */
  readonly run: (work: Promise<unknown>) => void;
  /** Something to undo at the end; the last first. */
  readonly atEnd: (undo: () => Promise<unknown>) => void;
  readonly client: (
    connection?: Partial<KubeConnection>,
    options?: Parameters<typeof createKubeClient>[1],
  ) => KubeHttpClient;
  readonly until: (what: string, holds: () => boolean | Promise<boolean>) => Promise<void>;
}

let number = 0;

export function onBothServers(title: string, cases: (scene: () => Scene) => void): void {
  const passed = new Map<string, number>();
  for (const choice of kubeServers()) {
    describe(`${title} (${choice.kind})`, { timeout: 240_000 }, () => {
      let server: KubeTestServer;
      let scene: Scene;
      let end: () => Promise<void>;
      beforeAll(async () => {
        server = await choice.start();
      });
      afterAll(async () => {
        await server?.stop();
      });
      beforeEach(async () => {
        ({ scene, end } = await setUp(server));
      });
      afterEach(async ({ task }) => {
        await end();
        if (task.result?.state !== 'fail') passed.set(choice.kind, (passed.get(choice.kind) ?? 0) + 1);
      });
      cases(() => scene);
    });
  }
  afterAll(() => {
    const counts = [...passed].map(([kind, count]) => `${count} on ${kind === 'real' ? 'a real API server' : 'ours'}`);
    process.stderr.write(`toolkit, ${title}: ${counts.join(', ')} passed\n`);
  });
}

async function setUp(server: KubeTestServer): Promise<{ readonly scene: Scene; readonly end: () => Promise<void> }> {
  const stop = new AbortController();
  const running: Promise<unknown>[] = [];
  const undo: (() => Promise<unknown>)[] = [];
  const client: Scene['client'] = (connection = {}, options = {}) => {
    const made = createKubeClient({ ...server.connection, ...connection }, options);
    undo.push(async () => await made.close());
    return made;
  };
  const direct = client();
  const namespace = `toolkit-${process.pid}-${number++}`;
  await direct.create(Namespaces, { metadata: { name: namespace } });
  const scene: Scene = {
    server,
    direct,
    namespace,
    signal: stop.signal,
    run: (work) => {
      running.push(work);
    },
    atEnd: (work) => {
      undo.push(work);
    },
    client,
    until: async (what, holds) => {
      await waitFor(what, async () => ((await holds()) ? true : undefined), {
        signal: AbortSignal.timeout(200_000),
        timeoutMs: 120_000,
        intervalMs: 10,
      });
    },
  };
  return {
    scene,
    end: async () => {
      stop.abort();
      await Promise.all(running);
      await direct.delete(Namespaces, { name: namespace });
      for (const work of undo.toReversed()) await work();
    },
  };
}

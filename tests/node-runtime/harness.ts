import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { createLogger, type Logger, silentLogger, waitFor } from '@polarstack/base';
import { type KubeClient, Pods } from '@polarstack/kube';
import { findProcesses, killAll, type NodeRuntime, startNodeRuntime } from '@polarstack/node-runtime';
import type { Container, Pod, PodSpec } from 'kubernetes-types/core/v1.js';
import { testImages, testNodes, testRunBase, testUser } from './fixtures.ts';

export { testUser };

export const GENEROUS_MS = Number(process.env.POLARSTACK_TEST_WAIT_MS ?? 60_000);

export interface TestHome {
  readonly client: KubeClient;
  readonly home: string;
  /** Starts a runtime on the home, as a new control process would. */
  start(): Promise<NodeRuntime>;
  /** Ends whatever of the home still runs, and removes it. */
  dispose(): Promise<void>;
}

/** Each home has addresses of its own; test files run in processes of their own. */
let blocks = 100 + (process.pid % 100);

export const nextBlock = (): number => blocks++;

export async function createTestHome(client: KubeClient, logger: Logger = defaultLogger()): Promise<TestHome> {
  const home = await mkdtemp(join(tmpdir(), 'node-runtime-'));
  await chmod(home, 0o755);
  const block = nextBlock();
  const runtimes: NodeRuntime[] = [];
  return {
    client,
    home,
    async start() {
      const runtime = await startNodeRuntime({
        client,
        home,
        block,
        nodes: testNodes(block),
        images: testImages,
        ...(testUser ? { user: testUser } : {}),
        binDir: join(home, 'versions', 'test', 'bin'),
        runBase: testRunBase(home),
        logger,
        signal: new AbortController().signal,
      });
      runtimes.push(runtime);
      return runtime;
    },
    async dispose() {
      for (const runtime of runtimes) await runtime.close();
      const scope = { roots: [], folders: [home], markers: [`POLARSTACK_ROOT=${home}/`] };
      await killAll(() => findProcesses(scope));
      await rm(home, { recursive: true, force: true });
      await rm(testRunBase(home), { recursive: true, force: true });
    },
  };
}

function defaultLogger(): Logger {
  return process.env.POLARSTACK_TEST_LOG ? createLogger({ component: 'test', level: 'debug' }) : silentLogger;
}

export function pod(name: string, container: Partial<Container>, spec: Partial<PodSpec> = {}): Pod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'default' },
    spec: { containers: [{ name: 'main', image: 'host', ...container }], terminationGracePeriodSeconds: 10, ...spec },
  };
}

export const sh = (script: string): string[] => ['/bin/sh', '-c', script];

/** Waits until the pod is as `is` wants it. */
export async function podThat(client: KubeClient, name: string, what: string, is: (pod: Pod) => boolean): Promise<Pod> {
  let last: Pod | undefined;
  try {
    return await waitFor(
      `pod ${name} ${what}`,
      async () => {
        last = await client.find(Pods, { namespace: 'default', name });
        return last && is(last) ? last : undefined;
      },
      { signal: new AbortController().signal, timeoutMs: GENEROUS_MS, intervalMs: 10 },
    );
  } catch (error) {
    throw new Error(`${error instanceof Error ? error.message : ''}\n${JSON.stringify(last, undefined, 2)}`, {
      cause: error,
    });
  }
}

export async function podGone(client: KubeClient, name: string): Promise<void> {
  let last: Pod | undefined;
  try {
    await waitFor(
      `pod ${name} to be gone`,
      async () => {
        last = await client.find(Pods, { namespace: 'default', name });
        return last ? undefined : true;
      },
      { signal: new AbortController().signal, timeoutMs: GENEROUS_MS, intervalMs: 10 },
    );
  } catch (error) {
    throw new Error(`${error instanceof Error ? error.message : ''}\n${JSON.stringify(last, undefined, 2)}`, {
      cause: error,
    });
  }
}

export const hasCondition = (pod: Pod, type: string, status: string): boolean =>
  pod.status?.conditions?.some((condition) => condition.type === type && condition.status === status) ?? false;

export const isReady = (pod: Pod): boolean => hasCondition(pod, 'Ready', 'True');

/** The text of a container's log. */
export async function logOf(runtime: NodeRuntime, name: string, previous = false): Promise<string> {
  const signal = new AbortController().signal;
  const chunks: Uint8Array[] = [];
  for await (const chunk of runtime.logs({ namespace: 'default', pod: name }, { follow: false, previous }, signal)) {
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** Runs a command in the pod's first container; its output and errors come together. */
export async function execIn(
  runtime: NodeRuntime,
  name: string,
  command: readonly string[],
): Promise<{ readonly code: number; readonly output: string }> {
  const chunks: Buffer[] = [];
  const sink = new Writable({
    write(chunk: Buffer, _encoding, done) {
      chunks.push(chunk);
      done();
    },
  });
  const request = { command, stdout: sink, stderr: sink };
  const code = await runtime.exec({ namespace: 'default', pod: name }, request, new AbortController().signal);
  return { code, output: Buffer.concat(chunks).toString('utf8') };
}

/**
 * Waiting until clusters serve: their status says so, of the spec as it is now, and an engine answers behind each of
 * their services. A status alone may be from before a restart of the machine.
 */
import { connect } from 'node:net';
import { connect as startTls } from 'node:tls';
import { type MPDCluster, MPDClusters, type MPDOperation, MPDOperations } from '@polarstack/api';
import { type Clock, StackError } from '@polarstack/base';
import type { KubeClient } from '@polarstack/kube';

const LOOK_MS = 100;
const ANSWER_MS = 2_000;

export interface WaitOptions {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly timeoutMs: number;
  readonly say: (detail: string) => void;
}

export interface Verdict {
  readonly cluster: MPDCluster;
  readonly ready: boolean;
  /** Why not; where it is, what else is waited for. */
  readonly reason: string;
}

/** Waits for one cluster. Errors: ClusterNotReady (the deadline passed, or the spec cannot be carried out), NotFound. */
export async function waitForCluster(namespace: string, name: string, options: WaitOptions): Promise<MPDCluster> {
  const { client, clock, signal, timeoutMs, say } = options;
  const deadline = clock.monotonic() + timeoutMs;
  for (;;) {
    const cluster = await client.get(MPDClusters, { namespace, name }, signal);
    const verdict = judge(cluster);
    if (verdict.ready && (await answers(cluster))) return cluster;
    const rejection = condition(cluster, 'Accepted');
    if (rejection?.status === 'False') {
      throw new StackError('ClusterNotReady', `${namespace}/${name}: ${rejection.reason}: ${rejection.message}`, {
        details: { accepted: false },
      });
    }
    const reason = (await operationStep(client, cluster, signal)) ?? verdict.reason;
    say(reason);
    if (clock.monotonic() > deadline) {
      throw new StackError(
        'ClusterNotReady',
        `${namespace}/${name} is not ready after ${timeoutMs / 1000} s: ${reason}`,
      );
    }
    await clock.sleep(LOOK_MS, signal);
  }
}

interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason?: string;
  readonly message?: string;
}

function condition(cluster: MPDCluster, type: string): Condition | undefined {
  const all: readonly Condition[] = cluster.status?.conditions ?? [];
  return all.find((one) => one.type === type);
}

/** What the status says about readiness. */
function judge(cluster: MPDCluster): Verdict {
  const { generation } = cluster.metadata;
  const ready = condition(cluster, 'Ready');
  if (cluster.status?.observedGeneration !== generation) return { cluster, ready: false, reason: 'not looked at yet' };
  if (ready?.status === 'True') return { cluster, ready: true, reason: 'its services do not answer yet' };
  return { cluster, ready: false, reason: ready?.message || cluster.status?.clusterStatus || 'no status yet' };
}

/** The step that the cluster's operation is at, in a few words. */
async function operationStep(
  client: KubeClient,
  cluster: MPDCluster,
  signal: AbortSignal,
): Promise<string | undefined> {
  const { currentOperation } = cluster.status ?? {};
  if (!currentOperation) return undefined;
  const { namespace = 'default' } = cluster.metadata;
  const operation: MPDOperation | undefined = await client.find(
    MPDOperations,
    { namespace, name: currentOperation },
    signal,
  );
  const steps = operation?.status?.steps ?? [];
  const index = steps.findIndex(({ state }) => state !== 'Succeeded' && state !== 'Skipped');
  const step = steps[index];
  if (step === undefined) return undefined;
  const trouble = step.error ? `: ${step.error.message}` : step.message ? `: ${step.message}` : '';
  return `${index + 1}/${steps.length} ${step.name}${trouble}`;
}

/** Whether a PostgreSQL server answers behind the services of a cluster (ro only where it has replicas). */
async function answers(cluster: MPDCluster): Promise<boolean> {
  const { rw, ro } = cluster.status?.endpoints ?? {};
  const wanted = (cluster.spec.followerNum ?? 0) > 0 ? [rw, ro] : [rw];
  const results = await Promise.all(
    wanted.map((endpoint) => speaksPostgres(endpoint?.host ?? '', endpoint?.port ?? 5432)),
  );
  return results.every(Boolean);
}

/**
 * Sends an SSLRequest, which a server answers with one letter before it asks who is there. TLS that it offers is begun:
 * a server whose client goes between the two logs that as a fault.
 */
export function speaksPostgres(host: string, port: number): Promise<boolean> {
  if (host === '') return Promise.resolve(false);
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: ANSWER_MS });
    let speaks = false;
    const done = (): void => {
      socket.destroy();
      resolve(speaks);
    };
    const beginTls = (): void => {
      // Whose server it is does not matter, for nothing is told to it; nor how this ends, for it has answered.
      const secure = startTls({ socket, rejectUnauthorized: false });
      secure.on('secureConnect', () => secure.end(done)).on('error', done);
    };
    socket.on('connect', () => socket.write(Buffer.from([0, 0, 0, 8, 4, 210, 22, 47])));
    socket.once('data', (data) => {
      const offersTls = data[0] === 0x53;
      speaks = offersTls || data[0] === 0x4e;
      if (offersTls) beginTls();
      else done();
    });
    for (const event of ['error', 'timeout', 'close']) socket.on(event, done);
  });
}

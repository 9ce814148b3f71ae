/**
 * The operator as a process of its own: connects with the kubeconfig or, in a pod, with its service account. Several
 * may run: the one that holds the Lease works, the others wait.
 */
import { readFile } from 'node:fs/promises';
import { DEFAULT_OPERATOR, SYSTEM_NAMESPACE } from '@polarstack/api';
import { createLogger, toStackError } from '@polarstack/base';
import {
  createKubeClient,
  createLeaderElector,
  electionTimes,
  inClusterConfig,
  type KubeClient,
  type LeaderElector,
  leaderClient,
  loadKubeconfig,
} from '@polarstack/kube';
import { readConfig } from './config.ts';
import { type Rest, startRest } from './rest/start-rest.ts';
import { type Operator, startOperator } from './start-operator.ts';

const { logLevel, operatorName, kubeconfig, leaseSeconds, retention, patience, rest } = readConfig();
const logger = createLogger({ component: 'operator', level: logLevel });
const stop = new AbortController();
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => stop.abort());

async function work(client: KubeClient, signal: AbortSignal): Promise<void> {
  const operator = await startOperator({ client, logger, operatorName, retention, patience, signal });
  const server = rest && (await serveRest(client, operator, rest, signal));
  await new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
  await server?.close();
  await operator.close();
}

async function serveRest(
  client: KubeClient,
  { view }: Operator,
  { certFile, keyFile, ...where }: NonNullable<typeof rest>,
  signal: AbortSignal,
): Promise<Rest> {
  const [certPem, keyPem] = await Promise.all([readFile(certFile, 'utf8'), readFile(keyFile, 'utf8')]);
  const server = await startRest({ client, view, ...where, tls: { certPem, keyPem }, logger, signal });
  logger.info({ url: server.url }, 'the REST API is served');
  return server;
}

async function workAsLeader(client: KubeClient): Promise<void> {
  const elector: LeaderElector = createLeaderElector({
    client,
    // Operators of different names serve different clusters, side by side.
    lease: { namespace: SYSTEM_NAMESPACE, name: leaseName(operatorName) },
    times: electionTimes(leaseSeconds),
    signal: stop.signal,
    onError: (error) => logger.warn({ err: toStackError(error) }, 'the Lease cannot be read or written; tried again'),
    lead: async (signal) => {
      logger.info({ identity: elector.identity }, 'leading');
      await work(
        leaderClient(client, () => elector.isLeader()),
        signal,
      );
      logger.info({ identity: elector.identity }, 'not leading any more');
    },
  });
  logger.info({ identity: elector.identity }, 'waiting to lead');
  await elector.run();
}

try {
  const client = createKubeClient(kubeconfig ? await loadKubeconfig(kubeconfig) : await inClusterConfig());
  await (leaseSeconds === 0 ? work(client, stop.signal) : workAsLeader(client));
  await client.close();
} catch (error) {
  if (!stop.signal.aborted) {
    logger.error({ err: toStackError(error) }, 'the operator cannot run');
    process.exitCode = 1;
  }
}

function leaseName(operator: string): string {
  if (operator === DEFAULT_OPERATOR) return 'polarstack-operator';
  return `polarstack-operator-${operator.toLowerCase().replace(/[^a-z0-9-]+/g, '-')}`;
}

/** The cluster manager as a process: decides who is primary, and carries it out. */
import { createLogger, toStackError } from '@polarstack/base';
import { createKubeClient, inClusterConfig, loadKubeconfig } from '@polarstack/kube';
import { readConfig } from './config.ts';
import { serveHealth } from './health.ts';
import { createMetrics } from './metrics.ts';
import { startClusterManager } from './start.ts';

const log = createLogger({ component: 'cluster-manager' });
const stop = new AbortController();
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => stop.abort());

try {
  const { kubeconfig, logLevel, host, port } = readConfig();
  const logger = createLogger({ component: 'cluster-manager', level: logLevel });
  const client = createKubeClient(kubeconfig ? await loadKubeconfig(kubeconfig) : await inClusterConfig());
  const metrics = createMetrics();
  let ready = false;
  const health = await serveHealth({ host, port, metrics, isReady: () => ready });
  const manager = await startClusterManager({ client, logger, metrics, signal: stop.signal });
  ready = true;
  logger.info({ health: health.address }, 'cluster manager ready');
  if (!stop.signal.aborted)
    await new Promise<void>((resolve) => stop.signal.addEventListener('abort', () => resolve(), { once: true }));
  ready = false;
  await manager.close();
  await health.close();
  await client.close();
} catch (error) {
  if (!stop.signal.aborted) {
    const { code, message, remedy } = toStackError(error);
    log.error({ code, remedy, ...(code === 'Internal' ? { err: error } : {}) }, message);
    process.exitCode = 1;
  }
}

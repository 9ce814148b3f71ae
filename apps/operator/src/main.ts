/** The operator as a process of its own: connects with the kubeconfig or, in a pod, with its service account. */
import { createLogger, toStackError } from '@polarstack/base';
import { createKubeClient, inClusterConfig, loadKubeconfig } from '@polarstack/kube';
import { readConfig } from './config.ts';
import { startOperator } from './start-operator.ts';

const { logLevel, operatorName, kubeconfig } = readConfig();
const logger = createLogger({ component: 'operator', level: logLevel });
const stop = new AbortController();
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => stop.abort());

try {
  const client = createKubeClient(kubeconfig ? await loadKubeconfig(kubeconfig) : await inClusterConfig());
  const operator = await startOperator({ client, logger, operatorName, signal: stop.signal });
  await new Promise<void>((resolve) => {
    if (stop.signal.aborted) resolve();
    stop.signal.addEventListener('abort', () => resolve(), { once: true });
  });
  await operator.close();
  await client.close();
} catch (error) {
  if (!stop.signal.aborted) {
    logger.error({ err: toStackError(error) }, 'the operator cannot run');
    process.exitCode = 1;
  }
}

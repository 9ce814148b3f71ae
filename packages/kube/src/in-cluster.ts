import { readFile } from 'node:fs/promises';
import { isIPv6 } from 'node:net';
import { join } from 'node:path';
import { StackError } from '@polarstack/base';
import { type KubeEnvironment, readKubeEnvironment } from './config.ts';
import type { KubeConnection } from './connection.ts';
import { tokenFileSource } from './token-file.ts';

const SERVICE_ACCOUNT_DIR = '/var/run/secrets/kubernetes.io/serviceaccount';

/**
 * The connection of a pod's service account. Throws `KubeconfigInvalid` outside a pod.
 *
 * The token is read again every minute: kubelets replace it.
 */
export async function inClusterConfig(
  options: { readonly environment?: KubeEnvironment; readonly directory?: string } = {},
): Promise<KubeConnection> {
  const { serviceHost, servicePort } = options.environment ?? readKubeEnvironment();
  const directory = options.directory ?? SERVICE_ACCOUNT_DIR;
  if (serviceHost === undefined || servicePort === undefined) {
    throw new StackError('KubeconfigInvalid', 'not in a pod: KUBERNETES_SERVICE_HOST is not set');
  }
  const read = async (name: string): Promise<string> => {
    try {
      return await readFile(join(directory, name), 'utf8');
    } catch (error) {
      throw new StackError(
        'KubeconfigInvalid',
        `the pod has no service account: cannot read ${join(directory, name)}`,
        {
          cause: error,
          remedy: 'Give the pod a service account, and do not set automountServiceAccountToken to false.',
        },
      );
    }
  };
  return {
    server: `https://${isIPv6(serviceHost) ? `[${serviceHost}]` : serviceHost}:${servicePort}`,
    caPem: await read('ca.crt'),
    namespace: (await read('namespace')).trim(),
    credentials: tokenFileSource(join(directory, 'token')),
  };
}

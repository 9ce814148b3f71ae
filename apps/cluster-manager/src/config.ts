import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { StackError } from '@polarstack/base';

export interface ClusterManagerConfig {
  /** Path of a kubeconfig; undefined: the service account of the pod. */
  readonly kubeconfig: string | undefined;
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error';
  /** Where health and metrics are served. */
  readonly host: string;
  readonly port: number;
}

const levels = ['debug', 'info', 'warn', 'error'] as const;
/** Where its pod mounts the Secret with the kubeconfig. */
const MOUNTED = '/etc/polarstack/kubeconfig/kubeconfig';

/** Settings from the environment. Throws `InvalidConfig`. */
export function readConfig(env: NodeJS.ProcessEnv = process.env): ClusterManagerConfig {
  const level = env.POLARSTACK_LOG_LEVEL ?? 'info';
  const logLevel = levels.find((known) => known === level);
  if (!logLevel)
    throw new StackError('InvalidConfig', `POLARSTACK_LOG_LEVEL is ${level}, and must be one of ${levels.join(', ')}`);
  const port = Number(env.POLARSTACK_HEALTH_PORT ?? '8080');
  if (!Number.isInteger(port) || port < 0 || port > 65_535)
    throw new StackError('InvalidConfig', `POLARSTACK_HEALTH_PORT is ${env.POLARSTACK_HEALTH_PORT}, which is no port`);
  // A runtime that gives containers no file system of their own says where theirs lies.
  const mounted = join(env.POLARSTACK_ROOT ?? '/', MOUNTED);
  const kubeconfig = env.KUBECONFIG ?? (existsSync(mounted) ? mounted : undefined);
  return { kubeconfig, logLevel, host: env.POLARSTACK_POD_IP ?? '127.0.0.1', port };
}

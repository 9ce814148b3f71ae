import { existsSync } from 'node:fs';
import { isStackError, StackError } from '@polarstack/base';
import type { KubeHttpClient } from '@polarstack/kube';
import type { Home } from '@polarstack/local';
import { type CliSettings, readCliSettings } from '../config.ts';
import type { Globals } from './globals.ts';

/** Which API server a command talks to, and about what. */
export interface Target {
  /** Where the kubeconfig lies; of several files what the first says counts, as for kubectl. */
  readonly kubeconfig: string | readonly string[];
  /** Set where the target is a local home. */
  readonly home?: Home;
}

export interface Connection extends Target {
  readonly client: KubeHttpClient;
  /** The namespace of things that are named: `-n`, else the kubeconfig's, else `default`. */
  readonly namespace: string;
  /** The namespace to list; undefined: all. */
  readonly listNamespace: string | undefined;
}

/**
 * The server that is meant: that of `--kubeconfig`; else the local home, where there is one; else that of `KUBECONFIG`;
 * else, where a `--context` is named, that of `~/.kube/config`. A home that was named is never passed over. Throws
 * `HomeMissing` where nothing is left.
 */
export async function findTarget(globals: Globals, settings: CliSettings = readCliSettings()): Promise<Target> {
  if (globals.kubeconfig !== undefined) return { kubeconfig: globals.kubeconfig };
  const { chooseHome } = await import('@polarstack/local');
  const { home } = chooseHome(globals.home);
  if (existsSync(home.kubeconfig)) return { kubeconfig: home.kubeconfig, home };
  if (globals.home === undefined && !settings.namesHome) {
    const other = kubectlsFile(globals, settings);
    if (other !== undefined) return { kubeconfig: other };
  }
  throw new StackError('HomeMissing', `there is no local home in ${home.root}`, {
    remedy: 'Run `polarstack up` to make one, or name a Kubernetes cluster with --kubeconfig or KUBECONFIG.',
  });
}

function kubectlsFile(
  { context }: Globals,
  { kubeconfigs, userKubeconfig }: CliSettings,
): Target['kubeconfig'] | undefined {
  if (kubeconfigs.length > 0) return kubeconfigs.length === 1 ? kubeconfigs[0] : kubeconfigs;
  return context !== undefined && existsSync(userKubeconfig) ? userKubeconfig : undefined;
}

/**
 * Connects, does `work`, and closes the connection. Where the server of a local home does not answer, the error says
 * how to start it.
 */
export async function withConnection<T>(globals: Globals, work: (connection: Connection) => Promise<T>): Promise<T> {
  const target = await findTarget(globals);
  const { createKubeClient, loadKubeconfig } = await import('@polarstack/kube');
  const { context } = globals;
  const config = await loadKubeconfig(target.kubeconfig, context === undefined ? {} : { context });
  const client = createKubeClient(config);
  try {
    return await work({
      ...target,
      client,
      namespace: globals.namespace ?? config.namespace ?? 'default',
      listNamespace: globals.allNamespaces === true ? undefined : globals.namespace,
    });
  } catch (error) {
    throw explainUnreachable(error, target, config.server);
  } finally {
    await client.close();
  }
}

function explainUnreachable(error: unknown, target: Target, server: string): unknown {
  if (!isStackError(error, 'ApiUnreachable')) return error;
  const { home, kubeconfig } = target;
  const refused = /ECONNREFUSED|ECONNRESET|other side closed/.test(`${error.message} ${String(error.cause)}`);
  if (home !== undefined && refused) {
    // A command that was waiting when the home was stopped says also what for, and what becomes of it.
    const { waited, afterwards } = error.details;
    const what = typeof waited === 'string' ? `${waited}: ` : '';
    const then = typeof afterwards === 'string' ? ` ${afterwards}` : '';
    return new StackError(
      'ApiUnreachable',
      `${what}the local home in ${home.root} does not run (nobody answers at ${server})`,
      {
        cause: error,
        remedy: `Run \`polarstack up\` to start it.${then}`,
      },
    );
  }
  return new StackError('ApiUnreachable', `${error.message} (kubeconfig ${[kubeconfig].flat().join(', ')})`, {
    cause: error,
    remedy: error.remedy,
  });
}

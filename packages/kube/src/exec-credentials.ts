import { execFile } from 'node:child_process';
import { resolve } from 'node:path';
import { promisify } from 'node:util';
import { type Clock, StackError, systemClock } from '@polarstack/base';
import { readKubeEnvironment } from './config.ts';
import type { CredentialSource, Credentials } from './connection.ts';

const execFileAsync = promisify(execFile);

/** The `users[].user.exec` part of a kubeconfig. */
export interface ExecPlugin {
  readonly apiVersion: string;
  readonly command: string;
  readonly args?: readonly string[];
  readonly env?: readonly { readonly name: string; readonly value: string }[];
  readonly installHint?: string;
  readonly provideClusterInfo?: boolean;
}

/** What the plug-in may be told about the cluster (`provideClusterInfo`). */
export interface ExecClusterInfo {
  readonly server: string;
  readonly 'certificate-authority-data'?: string;
}

interface ExecCredentialStatus {
  readonly token?: string;
  readonly clientCertificateData?: string;
  readonly clientKeyData?: string;
  readonly expirationTimestamp?: string;
}

/** Plug-ins may ask an identity provider far away. */
const PLUGIN_TIMEOUT_MS = 60_000;
/** Credentials are renewed this long before they end, so that none ends on the way. */
const RENEW_BEFORE_MS = 30_000;

/**
 * Credentials from a program (`client.authentication.k8s.io`): kept until they end or the server refuses them.
 * Callers that come at the same time share one run.
 */
export function execCredentialSource(
  plugin: ExecPlugin,
  cluster: ExecClusterInfo,
  directory: string | undefined,
  clock: Clock = systemClock,
): CredentialSource {
  let cached: { readonly credentials: Credentials; readonly endsAt: number } | undefined;
  let running: Promise<Credentials> | undefined;

  async function run(): Promise<Credentials> {
    const status = await runPlugin(plugin, cluster, directory);
    const endsAt =
      status.expirationTimestamp === undefined ? Number.POSITIVE_INFINITY : Date.parse(status.expirationTimestamp);
    const credentials: Credentials = {
      ...(status.token === undefined ? {} : { token: status.token }),
      ...(status.clientCertificateData === undefined ? {} : { certPem: status.clientCertificateData }),
      ...(status.clientKeyData === undefined ? {} : { keyPem: status.clientKeyData }),
    };
    cached = { credentials, endsAt };
    return credentials;
  }

  return async ({ renew }) => {
    // The end is a wall-clock time that the plug-in names, so the wall clock decides.
    if (!renew && cached !== undefined && clock.now().getTime() < cached.endsAt - RENEW_BEFORE_MS) {
      return cached.credentials;
    }
    running ??= run().finally(() => {
      running = undefined;
    });
    return await running;
  };
}

async function runPlugin(
  plugin: ExecPlugin,
  cluster: ExecClusterInfo,
  directory: string | undefined,
): Promise<ExecCredentialStatus> {
  const info = {
    apiVersion: plugin.apiVersion,
    kind: 'ExecCredential',
    spec: { interactive: false, ...(plugin.provideClusterInfo === true ? { cluster } : {}) },
  };
  const own = Object.fromEntries((plugin.env ?? []).map(({ name, value }) => [name, value]));
  const fail = (why: string, cause?: unknown): StackError =>
    new StackError('CredentialPluginFailed', `credential plug-in ${plugin.command}: ${why}`, {
      cause,
      ...(plugin.installHint === undefined ? {} : { remedy: plugin.installHint.trim() }),
    });
  let stdout: string;
  try {
    const isPath = plugin.command.includes('/') && directory !== undefined;
    ({ stdout } = await execFileAsync(
      isPath ? resolve(directory, plugin.command) : plugin.command,
      [...(plugin.args ?? [])],
      {
        env: { ...readKubeEnvironment().inherited, ...own, KUBERNETES_EXEC_INFO: JSON.stringify(info) },
        timeout: PLUGIN_TIMEOUT_MS,
      },
    ));
  } catch (error) {
    const stderr = error instanceof Error && 'stderr' in error ? String(error.stderr).trim() : '';
    throw fail(stderr !== '' ? stderr : error instanceof Error ? error.message : String(error), error);
  }
  let answer: { readonly status?: ExecCredentialStatus };
  try {
    answer = JSON.parse(stdout) as { readonly status?: ExecCredentialStatus };
  } catch (error) {
    // The output may hold a token: it must not get into a message.
    throw fail('its output is not JSON', error instanceof Error ? error.name : undefined);
  }
  const status = answer.status;
  if (status?.token === undefined && status?.clientCertificateData === undefined) {
    throw fail('its output has neither a token nor a client certificate');
  }
  return status;
}

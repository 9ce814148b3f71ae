import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { StackError } from '@polarstack/base';
import type { CredentialSource, KubeConnection } from './connection.ts';
import { type ExecPlugin, execCredentialSource } from './exec-credentials.ts';
import { tokenFileSource } from './token-file.ts';

interface ClusterEntry {
  readonly server?: string;
  readonly 'certificate-authority'?: string;
  readonly 'certificate-authority-data'?: string;
  readonly 'tls-server-name'?: string;
  readonly 'insecure-skip-tls-verify'?: boolean;
}

interface UserEntry {
  readonly token?: string;
  readonly tokenFile?: string;
  readonly 'client-certificate'?: string;
  readonly 'client-certificate-data'?: string;
  readonly 'client-key'?: string;
  readonly 'client-key-data'?: string;
  readonly exec?: ExecPlugin;
  readonly username?: string;
  readonly 'auth-provider'?: unknown;
}

interface KubeconfigFile {
  readonly 'current-context'?: string;
  readonly contexts?: readonly {
    readonly name: string;
    readonly context: { readonly cluster?: string; readonly user?: string; readonly namespace?: string };
  }[];
  readonly clusters?: readonly { readonly name: string; readonly cluster: ClusterEntry }[];
  readonly users?: readonly { readonly name: string; readonly user: UserEntry }[];
}

export interface KubeconfigOptions {
  /** Default: the file's `current-context`. */
  readonly context?: string;
}

/**
 * Reads a kubeconfig, from its text (whatever has a line break) or from a file. Relative paths in a file are relative
 * to it. Throws `KubeconfigInvalid`, saying what is wrong and in which file.
 */
export async function loadKubeconfig(source: string, options: KubeconfigOptions = {}): Promise<KubeConnection> {
  const isText = source.includes('\n');
  const where = isText ? 'kubeconfig' : source;
  const directory = isText ? undefined : dirname(resolve(source));
  const invalid = (why: string, cause?: unknown): StackError =>
    new StackError('KubeconfigInvalid', `${where}: ${why}`, { cause });
  const readText = async (path: string, what: string): Promise<string> => {
    try {
      return await readFile(directory === undefined ? path : resolve(directory, path), 'utf8');
    } catch (error) {
      throw invalid(`cannot read ${what}: ${error instanceof Error ? error.message : String(error)}`, error);
    }
  };

  const file = await parse(isText ? source : await readText(source, 'the file'), invalid);
  const contextName = options.context ?? file['current-context'];
  if (contextName === undefined || contextName === '')
    throw invalid('no context is named and there is no current-context');
  const context = file.contexts?.find((entry) => entry.name === contextName)?.context;
  if (context === undefined) {
    const known = file.contexts?.map((entry) => entry.name).join(', ') || 'none';
    throw invalid(`no context ${JSON.stringify(contextName)}; there are: ${known}`);
  }
  const cluster = file.clusters?.find((entry) => entry.name === context.cluster)?.cluster;
  if (cluster === undefined)
    throw invalid(`context ${contextName} names the cluster ${context.cluster}, which is not there`);
  const user = file.users?.find((entry) => entry.name === context.user)?.user ?? {};
  if (cluster.server === undefined || !/^https?:\/\//.test(cluster.server) || !URL.canParse(cluster.server)) {
    throw invalid(`cluster ${context.cluster} has no usable server address`);
  }

  /** A value given in the file (base64) or as the path of another. */
  const pem = async (data: string | undefined, path: string | undefined, what: string): Promise<string | undefined> => {
    if (data !== undefined && data !== '') {
      const text = Buffer.from(data, 'base64').toString('utf8');
      if (!text.includes('-----BEGIN')) throw invalid(`${what} is not a PEM text in base64`);
      return text;
    }
    return path === undefined || path === '' ? undefined : await readText(path, what);
  };
  const caPem = await pem(
    cluster['certificate-authority-data'],
    cluster['certificate-authority'],
    'certificate-authority',
  );
  const certPem = await pem(user['client-certificate-data'], user['client-certificate'], 'client-certificate');
  const keyPem = await pem(user['client-key-data'], user['client-key'], 'client-key');
  if ((certPem === undefined) !== (keyPem === undefined)) {
    throw invalid(`user ${context.user} needs both a client certificate and its key`);
  }
  if (user['auth-provider'] !== undefined || user.username !== undefined) {
    throw invalid(
      `user ${context.user}: auth-provider and passwords are not supported; use a token, a certificate or exec`,
    );
  }
  const tokenFile = user.tokenFile;
  const credentials: CredentialSource | undefined =
    user.exec !== undefined
      ? execCredentialSource(user.exec, clusterInfo(cluster.server, caPem), directory)
      : tokenFile !== undefined && tokenFile !== ''
        ? tokenFileSource(directory === undefined ? tokenFile : resolve(directory, tokenFile))
        : undefined;
  return {
    server: cluster.server,
    ...(caPem === undefined ? {} : { caPem }),
    ...(cluster['tls-server-name'] === undefined ? {} : { tlsServerName: cluster['tls-server-name'] }),
    ...(cluster['insecure-skip-tls-verify'] === true ? { insecureSkipTlsVerify: true } : {}),
    ...(certPem === undefined ? {} : { certPem }),
    ...(keyPem === undefined ? {} : { keyPem }),
    ...(user.token === undefined || user.token === '' ? {} : { token: user.token }),
    ...(credentials === undefined ? {} : { credentials }),
    ...(context.namespace === undefined || context.namespace === '' ? {} : { namespace: context.namespace }),
  };
}

function clusterInfo(server: string, caPem: string | undefined) {
  return {
    server,
    ...(caPem === undefined ? {} : { 'certificate-authority-data': Buffer.from(caPem).toString('base64') }),
  };
}

async function parse(text: string, invalid: (why: string, cause?: unknown) => StackError): Promise<KubeconfigFile> {
  const yaml = await import('yaml');
  let value: unknown;
  try {
    value = yaml.parse(text);
  } catch (error) {
    throw invalid(`not YAML: ${error instanceof Error ? error.message : String(error)}`, error);
  }
  if (typeof value !== 'object' || value === null || !('clusters' in value)) {
    throw invalid('this is not a kubeconfig: it has no clusters');
  }
  return value as KubeconfigFile;
}

import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { StackError } from '@polarstack/base';
import { certificateFilesSource } from './certificate-files.ts';
import type { CredentialSource, KubeConnection } from './connection.ts';
import { type ExecPlugin, execCredentialSource } from './exec-credentials.ts';
import { tokenFileSource } from './token-file.ts';

interface ClusterEntry {
  readonly server?: string;
  readonly 'certificate-authority'?: string;
  readonly 'certificate-authority-data'?: string;
  readonly 'tls-server-name'?: string;
  readonly 'insecure-skip-tls-verify'?: boolean;
  readonly 'proxy-url'?: string;
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
  readonly as?: string;
  readonly 'as-uid'?: string;
  readonly 'as-groups'?: readonly string[];
  readonly 'as-user-extra'?: unknown;
}

interface ContextEntry {
  readonly cluster?: string;
  readonly user?: string;
  readonly namespace?: string;
}

interface KubeconfigFile {
  readonly 'current-context'?: string;
  readonly contexts?: readonly { readonly name: string; readonly context?: ContextEntry }[];
  readonly clusters?: readonly { readonly name: string; readonly cluster?: ClusterEntry }[];
  readonly users?: readonly { readonly name: string; readonly user?: UserEntry }[];
}

export interface KubeconfigOptions {
  /** Default: the file's `current-context`. */
  readonly context?: string;
}

/** One file, or the text of one. */
interface Source {
  /** For messages. */
  readonly where: string;
  /** What relative paths in it are relative to. */
  readonly directory: string | undefined;
  readonly file: KubeconfigFile;
}

/** An entry, and the file that it stands in. */
interface Found<T> {
  readonly entry: T;
  readonly source: Source;
}

/**
 * Reads a kubeconfig, from its text (whatever has a line break) or from a file, or from several files as `KUBECONFIG`
 * lists them: of each name, and of the current context, the first file that has it counts, and files that are missing
 * are passed over as long as one is there. Relative paths in a file are relative to it. Throws `KubeconfigInvalid`,
 * saying what is wrong and in which file; also for what would be misunderstood if it were ignored (a proxy, another
 * identity to act as, passwords).
 */
export async function loadKubeconfig(
  source: string | readonly string[],
  options: KubeconfigOptions = {},
): Promise<KubeConnection> {
  const sources = await readSources(typeof source === 'string' ? [source] : source);
  const where = sources.map((one) => one.where).join(', ');
  const contextName = options.context ?? sources.find(({ file }) => file['current-context'])?.file['current-context'];
  if (contextName === undefined || contextName === '')
    throw invalid(where, 'no context is named and there is no current-context');
  const context = find(sources, ({ contexts }) => contexts, contextName)?.entry.context;
  if (context === undefined) {
    const known = sources.flatMap(({ file }) => file.contexts?.map((entry) => entry.name) ?? []).join(', ') || 'none';
    throw invalid(where, `no context ${JSON.stringify(contextName)}; there are: ${known}`);
  }
  const cluster = find(sources, ({ clusters }) => clusters, context.cluster);
  if (cluster?.entry.cluster === undefined)
    throw invalid(where, `context ${contextName} names the cluster ${context.cluster}, which is not there`);
  const user = find(sources, ({ users }) => users, context.user);
  return {
    ...(await clusterPart(cluster.source, cluster.entry.name, cluster.entry.cluster)),
    ...(user?.entry.user === undefined ? {} : await userPart(user.source, user.entry.name, user.entry.user, cluster)),
    ...(context.namespace === undefined || context.namespace === '' ? {} : { namespace: context.namespace }),
  };
}

function invalid(where: string, why: string, cause?: unknown): StackError {
  return new StackError('KubeconfigInvalid', `${where}: ${why}`, { cause });
}

async function readSources(sources: readonly string[]): Promise<readonly Source[]> {
  const found: Source[] = [];
  let missing: StackError | undefined;
  for (const source of sources) {
    const isText = source.includes('\n');
    const where = isText ? 'kubeconfig' : source;
    let text = source;
    if (!isText) {
      try {
        text = await readFile(source, 'utf8');
      } catch (error) {
        const failure = invalid(
          where,
          `cannot read the file: ${error instanceof Error ? error.message : String(error)}`,
          error,
        );
        const isAbsent = error instanceof Error && 'code' in error && error.code === 'ENOENT';
        if (!isAbsent) throw failure;
        missing ??= failure;
        continue;
      }
    }
    found.push({ where, directory: isText ? undefined : dirname(resolve(source)), file: await parse(text, where) });
  }
  if (found.length === 0) throw missing ?? new StackError('KubeconfigInvalid', 'no kubeconfig is named');
  return found;
}

function find<T extends { readonly name: string }>(
  sources: readonly Source[],
  listOf: (file: KubeconfigFile) => readonly T[] | undefined,
  name: string | undefined,
): Found<T> | undefined {
  for (const source of sources) {
    const entry = listOf(source.file)?.find((each) => each.name === name);
    if (entry !== undefined) return { entry, source };
  }
  return undefined;
}

/** A value given in the file (base64) or as the path of another. */
async function pem(
  { where, directory }: Source,
  data: string | undefined,
  path: string | undefined,
  what: string,
): Promise<string | undefined> {
  if (data !== undefined && data !== '') {
    const text = Buffer.from(data, 'base64').toString('utf8');
    if (!text.includes('-----BEGIN')) throw invalid(where, `${what} is not a PEM text in base64`);
    return text;
  }
  if (path === undefined || path === '') return undefined;
  try {
    return await readFile(directory === undefined ? path : resolve(directory, path), 'utf8');
  } catch (error) {
    throw invalid(where, `cannot read ${what}: ${error instanceof Error ? error.message : String(error)}`, error);
  }
}

async function clusterPart(source: Source, name: string, cluster: ClusterEntry) {
  const { where } = source;
  const { server } = cluster;
  if (server === undefined || !/^https?:\/\//.test(server) || !URL.canParse(server)) {
    throw invalid(where, `cluster ${name} has no usable server address`);
  }
  if (cluster['proxy-url'] !== undefined && cluster['proxy-url'] !== '') {
    throw invalid(where, `cluster ${name}: proxy-url is not supported; connect to the server itself`);
  }
  const caPem = await pem(
    source,
    cluster['certificate-authority-data'],
    cluster['certificate-authority'],
    'certificate-authority',
  );
  const isInsecure = cluster['insecure-skip-tls-verify'] === true;
  if (isInsecure && caPem !== undefined) {
    throw invalid(where, `cluster ${name}: insecure-skip-tls-verify and a certificate authority contradict each other`);
  }
  const tlsServerName = cluster['tls-server-name'];
  return {
    server,
    ...(caPem === undefined ? {} : { caPem }),
    ...(tlsServerName === undefined || tlsServerName === '' ? {} : { tlsServerName }),
    ...(isInsecure ? { insecureSkipTlsVerify: true } : {}),
  };
}

async function userPart(
  source: Source,
  name: string,
  user: UserEntry,
  cluster: Found<{ readonly cluster?: ClusterEntry }>,
): Promise<Partial<KubeConnection>> {
  const { where, directory } = source;
  const refuse = (why: string): StackError => invalid(where, `user ${name}: ${why}`);
  if (user['auth-provider'] !== undefined || user.username !== undefined) {
    throw refuse('auth-provider and passwords are not supported; use a token, a certificate or exec');
  }
  if (
    user.as !== undefined ||
    user['as-uid'] !== undefined ||
    user['as-groups'] !== undefined ||
    user['as-user-extra']
  ) {
    throw refuse('acting as another user (as) is not supported; use credentials of that user');
  }
  const at = (path: string): string => (directory === undefined ? path : resolve(directory, path));
  const certPem = await pem(source, user['client-certificate-data'], user['client-certificate'], 'client-certificate');
  const keyPem = await pem(source, user['client-key-data'], user['client-key'], 'client-key');
  if ((certPem === undefined) !== (keyPem === undefined)) throw refuse('needs both a client certificate and its key');
  const credentials = await credentialsOf(source, user, cluster, at);
  return {
    ...(certPem === undefined ? {} : { certPem }),
    ...(keyPem === undefined ? {} : { keyPem }),
    ...(user.token === undefined || user.token === '' ? {} : { token: user.token }),
    ...(credentials === undefined ? {} : { credentials }),
  };
}

/** What may change while the program runs: a plug-in's, a token file's, or those of files that somebody renews. */
async function credentialsOf(
  { directory }: Source,
  user: UserEntry,
  { source, entry }: Found<{ readonly cluster?: ClusterEntry }>,
  at: (path: string) => string,
): Promise<CredentialSource | undefined> {
  if (user.exec !== undefined) {
    const { server = '', ...cluster } = entry.cluster ?? {};
    const { 'certificate-authority-data': data, 'certificate-authority': path } = cluster;
    return execCredentialSource(
      user.exec,
      clusterInfo(server, await pem(source, data, path, 'certificate-authority')),
      directory,
    );
  }
  if (user.tokenFile !== undefined && user.tokenFile !== '') return tokenFileSource(at(user.tokenFile));
  const { 'client-certificate': cert = '', 'client-key': key = '' } = user;
  if (cert === '' || key === '' || user['client-certificate-data'] || user['client-key-data']) return undefined;
  return certificateFilesSource(at(cert), at(key));
}

function clusterInfo(server: string, caPem: string | undefined) {
  return {
    server,
    ...(caPem === undefined ? {} : { 'certificate-authority-data': Buffer.from(caPem).toString('base64') }),
  };
}

async function parse(text: string, where: string): Promise<KubeconfigFile> {
  const yaml = await import('yaml');
  let value: unknown;
  try {
    value = yaml.parse(text);
  } catch (error) {
    throw invalid(where, `not YAML: ${error instanceof Error ? error.message : String(error)}`, error);
  }
  const isConfig =
    typeof value === 'object' && value !== null && ['clusters', 'contexts', 'users'].some((part) => part in value);
  if (!isConfig) throw invalid(where, 'this is not a kubeconfig: it has no clusters');
  return value as KubeconfigFile;
}

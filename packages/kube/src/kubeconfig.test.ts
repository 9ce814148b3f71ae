import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { StackError } from '@polarstack/base';
import { createAuthority, issueCertificate } from '@polarstack/pki';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { inClusterConfig } from './in-cluster.ts';
import { loadKubeconfig } from './kubeconfig.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kubeconfig-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true });
});

const PEM = '-----BEGIN CERTIFICATE-----\nabc\n-----END CERTIFICATE-----\n';
const base64 = (text: string): string => Buffer.from(text).toString('base64');

function kubeconfig(user: object, cluster: object = { server: 'https://example.test:6443' }): string {
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'one',
    contexts: [
      { name: 'one', context: { cluster: 'c', user: 'u', namespace: 'db' } },
      { name: 'other', context: { cluster: 'c', user: 'nobody' } },
      { name: 'broken', context: { cluster: 'absent', user: 'u' } },
    ],
    clusters: [{ name: 'c', cluster }],
    users: [{ name: 'u', user }],
  });
}

async function failure(work: Promise<unknown>): Promise<StackError> {
  const error: unknown = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof StackError)) throw new Error(`not a StackError: ${String(error)}`);
  return error;
}

describe('loadKubeconfig', () => {
  test('certificates and keys in the text', async () => {
    const text = kubeconfig(
      { 'client-certificate-data': base64(PEM), 'client-key-data': base64(PEM) },
      { server: 'https://h:1/prefix', 'certificate-authority-data': base64(PEM), 'tls-server-name': 'api' },
    );
    expect(await loadKubeconfig(text)).toEqual({
      server: 'https://h:1/prefix',
      caPem: PEM,
      certPem: PEM,
      keyPem: PEM,
      tlsServerName: 'api',
      namespace: 'db',
    });
  });

  test('a file, with paths relative to it, and another context', async () => {
    await writeFile(join(folder, 'ca.pem'), PEM);
    const path = join(folder, 'config');
    await writeFile(path, kubeconfig({ token: 't' }, { server: 'https://h', 'certificate-authority': 'ca.pem' }));
    expect(await loadKubeconfig(path)).toEqual({ server: 'https://h', caPem: PEM, token: 't', namespace: 'db' });
    expect(await loadKubeconfig(path, { context: 'other' })).toEqual({ server: 'https://h', caPem: PEM });
  });

  test('a token file is read when it is needed, and again when the token is refused', async () => {
    await writeFile(join(folder, 'token'), 'first\n');
    const path = join(folder, 'config');
    await writeFile(path, kubeconfig({ tokenFile: 'token' }));
    const { credentials } = await loadKubeconfig(path);
    expect(await credentials?.({ renew: false })).toEqual({ token: 'first' });
    await writeFile(join(folder, 'token'), 'second');
    expect(await credentials?.({ renew: false })).toEqual({ token: 'first' });
    expect(await credentials?.({ renew: true })).toEqual({ token: 'second' });
  });

  test.each([
    ['no such context', kubeconfig({}), { context: 'x' }, 'no context "x"; there are: one, other, broken'],
    ['no such cluster', kubeconfig({}), { context: 'broken' }, 'names the cluster absent'],
    ['no address', kubeconfig({}, { server: 'h:1' }), {}, 'no usable server address'],
    ['a certificate without a key', kubeconfig({ 'client-certificate-data': base64(PEM) }), {}, 'and its key'],
    ['data that is no PEM', kubeconfig({ 'client-certificate-data': 'AAAA' }), {}, 'not a PEM text'],
    ['a password', kubeconfig({ username: 'u', password: 'p' }), {}, 'not supported'],
    ['not a kubeconfig', 'a: 1\nb: 2\n', {}, 'not a kubeconfig'],
    ['not YAML', 'a: [\n', {}, 'not YAML'],
  ])('%s is KubeconfigInvalid and says so', async (_, text, options, words) => {
    const error = await failure(loadKubeconfig(text, options));
    expect(error.code).toBe('KubeconfigInvalid');
    expect(error.message).toContain(words);
  });

  test('a file that is not there is named', async () => {
    const error = await failure(loadKubeconfig(join(folder, 'absent')));
    expect([error.code, error.message.includes(join(folder, 'absent'))]).toEqual(['KubeconfigInvalid', true]);
  });
});

describe('several files', () => {
  const write = async (name: string, value: object): Promise<string> => {
    const path = join(folder, name);
    await writeFile(path, stringify(value));
    return path;
  };

  test('the first that has a name counts, missing ones are passed over, and none at all is an error', async () => {
    const users = await write('users', { users: [{ name: 'u', user: { token: 'first' } }] });
    const whole = join(folder, 'whole');
    await writeFile(whole, kubeconfig({ token: 'second' }));
    const absent = join(folder, 'absent');
    expect(await loadKubeconfig([absent, users, whole])).toMatchObject({ token: 'first', namespace: 'db' });
    expect(await loadKubeconfig([whole, users])).toMatchObject({ token: 'second' });
    expect((await failure(loadKubeconfig([absent, join(folder, 'other')]))).message).toContain(absent);
    expect((await failure(loadKubeconfig([]))).code).toBe('KubeconfigInvalid');
    expect((await failure(loadKubeconfig([users]))).message).toContain('no current-context');
    expect((await failure(loadKubeconfig([whole, folder]))).message).toContain(folder);
  });

  test('client certificates in files are read again when asked, and a pair that does not fit is not used', async () => {
    const now = new Date();
    const authority = await createAuthority({ commonName: 'ca', days: 1, now });
    const issue = async (commonName: string) =>
      await issueCertificate({ authority, commonName, usages: ['client'], days: 1, now });
    const [one, two] = [await issue('one'), await issue('two')];
    const put = async (part: 'crt' | 'key', text: string): Promise<void> => await writeFile(join(folder, part), text);
    await put('crt', one.certPem);
    await put('key', one.keyPem);
    const path = join(folder, 'config');
    await writeFile(path, kubeconfig({ 'client-certificate': 'crt', 'client-key': 'key' }));
    const { credentials } = await loadKubeconfig(path);
    expect(await credentials?.({ renew: false })).toEqual(one);
    await put('crt', two.certPem);
    expect(await credentials?.({ renew: true })).toEqual(one);
    await put('key', two.keyPem);
    expect(await credentials?.({ renew: false })).toEqual(one);
    expect(await credentials?.({ renew: true })).toEqual(two);
  });
});

describe('what would be misunderstood if it were ignored', () => {
  const server = 'https://h:1';
  test.each([
    ['a proxy', {}, { server, 'proxy-url': 'http://proxy:3128' }, 'proxy-url'],
    ['another identity', { token: 't', as: 'somebody' }, { server }, 'acting as another user'],
    ['another group', { token: 't', 'as-groups': ['g'] }, { server }, 'acting as another user'],
    ['a password', { username: 'me', password: 'p' }, { server }, 'passwords'],
    [
      'an authority that nobody would look at',
      {},
      { server, 'insecure-skip-tls-verify': true, 'certificate-authority-data': base64(PEM) },
      'contradict',
    ],
  ])('%s is refused', async (_, user, cluster, words) => {
    const error = await failure(loadKubeconfig(kubeconfig(user, cluster)));
    expect([error.code, error.message]).toEqual(['KubeconfigInvalid', expect.stringContaining(words)]);
  });
});

describe('credential plug-ins', () => {
  async function withPlugin(script: string, extra: object = {}) {
    const path = join(folder, 'plugin');
    await writeFile(path, `#!/bin/sh\n${script}\n`);
    await chmod(path, 0o755);
    const exec = { apiVersion: 'client.authentication.k8s.io/v1', command: './plugin', ...extra };
    const config = join(folder, 'config');
    await writeFile(config, kubeconfig({ exec }));
    const { credentials } = await loadKubeconfig(config);
    if (credentials === undefined) throw new Error('no credential source');
    return credentials;
  }

  test('are told what is asked, get their own environment, run once until their answer ends or is refused', async () => {
    const credentials = await withPlugin(
      [
        `echo run >> '${folder}/runs'`,
        `echo "$KUBERNETES_EXEC_INFO" > '${folder}/info'`,
        'echo "{\\"kind\\":\\"ExecCredential\\",\\"status\\":{\\"token\\":\\"$NAME-$1\\",\\"expirationTimestamp\\":\\"2999-01-01T00:00:00Z\\"}}"',
      ].join('\n'),
      { args: ['x y'], env: [{ name: 'NAME', value: 'me' }], provideClusterInfo: true },
    );
    const answers = await Promise.all([credentials({ renew: false }), credentials({ renew: false })]);
    expect(answers).toEqual([{ token: 'me-x y' }, { token: 'me-x y' }]);
    await credentials({ renew: false });
    const { readFile } = await import('node:fs/promises');
    expect(await readFile(join(folder, 'runs'), 'utf8')).toBe('run\n');
    await credentials({ renew: true });
    expect(await readFile(join(folder, 'runs'), 'utf8')).toBe('run\nrun\n');
    expect(JSON.parse(await readFile(join(folder, 'info'), 'utf8'))).toMatchObject({
      apiVersion: 'client.authentication.k8s.io/v1',
      spec: { cluster: { server: 'https://example.test:6443' } },
    });
  });

  test('an answer that has ended is asked for again', async () => {
    const credentials = await withPlugin(
      `echo run >> '${folder}/runs'; echo '{"status":{"token":"t","expirationTimestamp":"2001-01-01T00:00:00Z"}}'`,
    );
    await credentials({ renew: false });
    await credentials({ renew: false });
    const { readFile } = await import('node:fs/promises');
    expect(await readFile(join(folder, 'runs'), 'utf8')).toBe('run\nrun\n');
  });

  test.each([
    ['fails', 'echo no login >&2; exit 3', 'no login'],
    ['says nothing useful', "echo '{}'", 'neither a token nor a client certificate'],
    ['does not speak JSON', 'echo secret-token', 'not JSON'],
  ])('one that %s is CredentialPluginFailed; its output is not shown', async (_, script, words) => {
    const credentials = await withPlugin(script, { installHint: 'install it like this' });
    const error = await failure(credentials({ renew: false }));
    expect([error.code, error.remedy]).toEqual(['CredentialPluginFailed', 'install it like this']);
    expect(error.message).toContain(words);
    expect(error.message).not.toContain('secret-token');
  });
});

describe('inClusterConfig', () => {
  const environment = { serviceHost: 'fd00::1', servicePort: '443', inherited: {} };

  test('takes address, authority, namespace and token of the service account', async () => {
    await writeFile(join(folder, 'ca.crt'), PEM);
    await writeFile(join(folder, 'namespace'), 'polarstack-system\n');
    await writeFile(join(folder, 'token'), 't');
    const connection = await inClusterConfig({ environment, directory: folder });
    expect(connection).toMatchObject({ server: 'https://[fd00::1]:443', caPem: PEM, namespace: 'polarstack-system' });
    expect(await connection.credentials?.({ renew: false })).toEqual({ token: 't' });
  });

  test('outside a pod, or without a service account, it says so', async () => {
    const outside = { serviceHost: undefined, servicePort: undefined, inherited: {} };
    expect((await failure(inClusterConfig({ environment: outside }))).message).toContain('not in a pod');
    expect((await failure(inClusterConfig({ environment, directory: folder }))).remedy).toContain('service account');
  });
});

/** The client: who it is, what it retries, what its errors are called, and how it applies. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  ConfigMaps,
  createKubeClient,
  inClusterConfig,
  type KubeHttpClient,
  leaderClient,
  loadKubeconfig,
  Namespaces,
  updateWithRetry,
} from '@polarstack/kube';
import { startFaultProxy } from '@polarstack/testkit';
import { createIdentity, startGateway } from '@polarstack/testkit/kube-servers';
import type { ConfigMap } from 'kubernetes-types/core/v1.js';
import { expect, it } from 'vitest';
import { stringify } from 'yaml';
import { onBothServers, type Scene } from './both-servers.ts';

const configMap = ({ namespace }: Scene, name: string, data: Readonly<Record<string, string>> = {}): ConfigMap => ({
  metadata: { namespace, name },
  data,
});

async function gatewayOf({ server, atEnd }: Scene) {
  const gateway = await startGateway(server.endpoint);
  atEnd(async () => await gateway.stop());
  return gateway;
}

/** Writes a file of this case and answers its path. */
async function file({ server, namespace }: Scene, name: string, text: string, mode = 0o600): Promise<string> {
  const path = join(server.folder, `${namespace}-${name}`);
  await writeFile(path, text, { mode });
  return path;
}

function whoIs(client: KubeHttpClient): Promise<string | undefined> {
  const reviews = { group: 'authentication.k8s.io', version: 'v1', plural: 'selfsubjectreviews', namespaced: false };
  interface Review {
    readonly metadata?: object;
    readonly status?: { readonly userInfo?: { readonly username?: string } };
  }
  return client
    .create<Review>({ ...reviews, kind: 'SelfSubjectReview' }, {})
    .then(({ status }) => status?.userInfo?.username);
}

const admins = ['system:masters'];

onBothServers('client', (scene) => {
  it('goes through the life of an object', async () => {
    const { direct: client, namespace } = scene();
    const key = { namespace, name: 'life' };
    expect(await client.find(ConfigMaps, key)).toBeUndefined();
    const made = await client.create(ConfigMaps, configMap(scene(), 'life', { a: '1' }));
    await expect(client.create(ConfigMaps, configMap(scene(), 'life'))).rejects.toMatchObject({
      code: 'AlreadyExists',
    });
    const replaced = await client.replace(ConfigMaps, { ...made, data: { a: '2' } });
    await expect(client.replace(ConfigMaps, { ...made, data: { a: '3' } })).rejects.toMatchObject({ code: 'Conflict' });
    expect(replaced.metadata?.uid).toBe(made.metadata?.uid);
    expect((await client.patch(ConfigMaps, key, { type: 'merge', body: { data: { b: 'x' } } })).data).toEqual({
      a: '2',
      b: 'x',
    });
    const json = [{ op: 'remove', path: '/data/a' }];
    expect((await client.patch(ConfigMaps, key, { type: 'json', body: json })).data).toEqual({ b: 'x' });
    expect((await client.patch(ConfigMaps, key, { type: 'strategic', body: { data: { c: 'y' } } })).data).toEqual({
      b: 'x',
      c: 'y',
    });
    await expect(client.delete(ConfigMaps, key, { preconditions: { uid: 'another' } })).rejects.toMatchObject({
      code: 'Conflict',
    });
    await client.delete(ConfigMaps, key);
    await expect(client.get(ConfigMaps, key)).rejects.toMatchObject({ code: 'NotFound' });
    expect(JSON.parse(await client.raw('/version'))).toHaveProperty('gitVersion');
  });

  it('a dry run is strict and writes nothing', async () => {
    const { direct, namespace } = scene();
    const wrong = { ...configMap(scene(), 'dry'), unknownField: 1 };
    await expect(direct.dryRunCreate(ConfigMaps, wrong)).rejects.toMatchObject({
      message: expect.stringContaining('unknownField'),
    });
    expect((await direct.dryRunCreate(ConfigMaps, configMap(scene(), 'dry', { a: 'b' }))).data).toEqual({ a: 'b' });
    expect(await direct.find(ConfigMaps, { namespace, name: 'dry' })).toBeUndefined();
  });

  it('apply makes, owns, refuses, takes over and removes fields', async () => {
    const { direct } = scene();
    await direct.apply(ConfigMaps, configMap(scene(), 'shared', { a: '1', b: '1' }), { fieldManager: 'first' });
    const wanted = configMap(scene(), 'shared', { a: '2' });
    await expect(direct.apply(ConfigMaps, wanted, { fieldManager: 'second' })).rejects.toMatchObject({
      code: 'Conflict',
    });
    const taken = await direct.apply(ConfigMaps, wanted, { fieldManager: 'second', force: true });
    expect(taken.data).toEqual({ a: '2', b: '1' });
    // What the first left out and owns alone goes; what the second owns stays.
    const left = await direct.apply(ConfigMaps, configMap(scene(), 'shared'), { fieldManager: 'first' });
    expect(left.data).toEqual({ a: '2' });
    // The same once more changes nothing, its version neither.
    const again = await direct.apply(ConfigMaps, configMap(scene(), 'shared'), { fieldManager: 'first' });
    expect(again.metadata?.resourceVersion).toBe(left.metadata?.resourceVersion);
  });

  it('ten writers that each add to one object lose no update', async () => {
    const { direct, namespace } = scene();
    await direct.create(ConfigMaps, configMap(scene(), 'counter', { n: '0' }));
    const key = { namespace, name: 'counter' };
    const more = (current: ConfigMap): ConfigMap => ({ ...current, data: { n: `${Number(current.data?.n) + 1}` } });
    await Promise.all(
      Array.from({ length: 10 }, () => updateWithRetry(direct, ConfigMaps, key, more, { attempts: 50 })),
    );
    expect((await direct.get(ConfigMaps, key)).data?.n).toBe('10');
  });

  it('errors are called by the reason that the server gives', async () => {
    const { direct, namespace, server, client } = scene();
    const made = await direct.create(ConfigMaps, configMap(scene(), 'one'));
    await direct.patch(ConfigMaps, { namespace, name: 'one' }, { type: 'merge', body: { data: { a: '1' } } });
    const nobody = client(await server.identity.issue('nobody', []));
    const stranger = await createIdentity();
    const unknown = client(stranger.admin);
    const codeOf = async (work: Promise<unknown>): Promise<unknown> =>
      await work.then(
        () => 'no error',
        (error: unknown) => (error as { code: string }).code,
      );
    expect({
      absent: await codeOf(direct.get(ConfigMaps, { namespace, name: 'absent' })),
      twice: await codeOf(direct.create(ConfigMaps, configMap(scene(), 'one'))),
      outdated: await codeOf(direct.replace(ConfigMaps, made)),
      named: await codeOf(direct.create(ConfigMaps, configMap(scene(), 'Not A Name'))),
      selector: await codeOf(direct.list(ConfigMaps, { namespace, labelSelector: 'a b c' })),
      precondition: await codeOf(
        direct.delete(ConfigMaps, { namespace, name: 'one' }, { preconditions: { uid: 'x' } }),
      ),
      nobody: await codeOf(nobody.list(ConfigMaps, { namespace })),
      unknown: await codeOf(unknown.list(ConfigMaps, { namespace })),
    }).toEqual({
      absent: 'NotFound',
      twice: 'AlreadyExists',
      outdated: 'Conflict',
      named: 'Invalid',
      selector: 'BadRequest',
      precondition: 'Conflict',
      nobody: 'Forbidden',
      unknown: 'Unauthorized',
    });
  });

  it('a write whose answer is lost is not sent again; a refused one is, after the pause asked for', async () => {
    const gateway = await gatewayOf(scene());
    const client = scene().client({ server: gateway.url });
    const { namespace, direct } = scene();
    gateway.rule(() => 'lose');
    await expect(client.create(ConfigMaps, configMap(scene(), 'lost'))).rejects.toMatchObject({
      code: 'ApiUnreachable',
    });
    expect(gateway.requests).toHaveLength(1);
    expect((await direct.get(ConfigMaps, { namespace, name: 'lost' })).metadata?.uid).toBeDefined();
    let refusals = 2;
    gateway.rule(() => (refusals-- > 0 ? { status: 429, headers: { 'retry-after': '0' } } : undefined));
    await client.create(ConfigMaps, configMap(scene(), 'refused'));
    expect(gateway.requests).toHaveLength(4);
  });

  it('a request that is never answered ends by its own limit or its signal', async () => {
    const { server, atEnd, namespace } = scene();
    const proxy = await startFaultProxy(server.endpoint);
    atEnd(async () => await proxy.stop());
    const client = scene().client({ server: `https://127.0.0.1:${proxy.port}` }, { headersMs: 300 });
    await client.list(ConfigMaps, { namespace });
    proxy.swallow('all');
    await expect(client.list(ConfigMaps, { namespace })).rejects.toMatchObject({ code: 'ServerTimeout' });
    const leave = new AbortController();
    const asked = client.list(ConfigMaps, { namespace }, leave.signal);
    leave.abort(new Error('not needed any more'));
    await expect(asked).rejects.toThrow('not needed any more');
    proxy.pass();
    // No connection that was swallowed waits for this one.
    await client.list(ConfigMaps, { namespace });
  });

  it('a write of a leader that lost its lead while it connected never reaches the server', async () => {
    const { server, atEnd, direct, namespace } = scene();
    const proxy = await startFaultProxy(server.endpoint);
    atEnd(async () => await proxy.stop());
    let leads = true;
    const fresh = () => leaderClient(scene().client({ server: `https://127.0.0.1:${proxy.port}` }), () => leads);
    const client = fresh();
    await client.create(ConfigMaps, configMap(scene(), 'first'));
    proxy.delay(20);
    const { accepted } = proxy;
    const late = fresh().create(ConfigMaps, configMap(scene(), 'late'));
    late.catch(() => undefined);
    await scene().until('a connection', () => proxy.accepted > accepted);
    leads = false;
    await expect(late).rejects.toMatchObject({ code: 'NotLeader' });
    expect(await direct.find(ConfigMaps, { namespace, name: 'late' })).toBeUndefined();
    expect(await client.find(ConfigMaps, { namespace, name: 'first' })).toBeDefined();
  });

  it('is somebody else as soon as its certificate is renewed, on new connections', async () => {
    const { server, client } = scene();
    let current = await server.identity.issue('before', admins);
    const { certPem: _, keyPem: __, ...anonymous } = server.connection;
    const renewed = createKubeClient({ ...anonymous, credentials: () => Promise.resolve(current) });
    scene().atEnd(async () => await renewed.close());
    expect(await whoIs(renewed)).toBe('before');
    current = await server.identity.issue('after', admins);
    expect(await whoIs(renewed)).toBe('after');
    expect(await whoIs(client())).toBe('contract-admin');
  });

  it('certificate files that are renewed after the server refused them, and kubeconfigs of several files', async () => {
    const { server, namespace } = scene();
    const good = await server.identity.issue('from-files', admins);
    const { admin: stranger } = await createIdentity();
    const cert = await file(scene(), 'cert', stranger.certPem);
    const key = await file(scene(), 'key', stranger.keyPem);
    await file(scene(), 'ca', server.identity.caPem);
    const part = (text: object): string => stringify({ apiVersion: 'v1', kind: 'Config', ...text });
    const cluster = { server: server.url, 'certificate-authority': `${namespace}-ca`, 'tls-server-name': 'localhost' };
    const files = [
      join(server.folder, 'absent'),
      await file(
        scene(),
        'users',
        part({ users: [{ name: 'u', user: { 'client-certificate': cert, 'client-key': key } }] }),
      ),
      await file(
        scene(),
        'contexts',
        part({
          'current-context': 'c',
          contexts: [{ name: 'c', context: { cluster: 'k', user: 'u', namespace } }],
          users: [{ name: 'u', user: { token: 'the second entry of a name does not count' } }],
        }),
      ),
      await file(scene(), 'clusters', part({ 'current-context': 'x', clusters: [{ name: 'k', cluster }] })),
    ];
    const connection = await loadKubeconfig(files);
    const client = createKubeClient(connection);
    scene().atEnd(async () => await client.close());
    await expect(client.list(ConfigMaps)).rejects.toMatchObject({ code: 'Unauthorized' });
    await writeFile(cert, good.certPem);
    // In between the two do not fit.
    await expect(client.list(ConfigMaps)).rejects.toMatchObject({ code: 'Unauthorized' });
    await writeFile(key, good.keyPem);
    expect(await whoIs(client)).toBe('from-files');
    const other = createKubeClient({ ...connection, tlsServerName: 'another.example' });
    scene().atEnd(async () => await other.close());
    await expect(other.list(Namespaces)).rejects.toMatchObject({ code: 'ApiUnreachable' });
  });

  it('a plug-in whose credentials are refused is asked once more', async () => {
    const { server, namespace } = scene();
    const good = await server.identity.issue('from-plug-in', admins);
    const { admin: stranger } = await createIdentity();
    const answer = ({ certPem, keyPem }: { readonly certPem: string; readonly keyPem: string }): string =>
      JSON.stringify({
        apiVersion: 'client.authentication.k8s.io/v1',
        kind: 'ExecCredential',
        status: { clientCertificateData: certPem, clientKeyData: keyPem },
      });
    const first = await file(scene(), 'first', answer(stranger));
    const second = await file(scene(), 'second', answer(good));
    const runs = await file(scene(), 'runs', '');
    const script = `#!/bin/sh\necho run >> '${runs}'\nif [ "$(wc -l < '${runs}')" = 1 ]; then cat '${first}'; else cat '${second}'; fi\n`;
    const command = await file(scene(), 'plug-in', script, 0o700);
    const exec = { apiVersion: 'client.authentication.k8s.io/v1', command, interactiveMode: 'Never' };
    const authority = Buffer.from(server.identity.caPem).toString('base64');
    const config = stringify({
      'current-context': 'c',
      contexts: [{ name: 'c', context: { cluster: 'k', user: 'u', namespace } }],
      clusters: [{ name: 'k', cluster: { server: server.url, 'certificate-authority-data': authority } }],
      users: [{ name: 'u', user: { exec } }],
    });
    const client = createKubeClient(await loadKubeconfig(config));
    scene().atEnd(async () => await client.close());
    expect(await whoIs(client)).toBe('from-plug-in');
    await client.list(ConfigMaps, { namespace });
    expect(await readFile(runs, 'utf8')).toBe('run\nrun\n');
  });

  it('in a pod: the token is read again when the server refuses it', async () => {
    const gateway = await gatewayOf(scene());
    const { server, namespace } = scene();
    // The names that a kubelet gives them, in a folder of their own.
    const { mkdir } = await import('node:fs/promises');
    const directory = join(server.folder, `${namespace}-account`);
    await mkdir(directory);
    await writeFile(join(directory, 'ca.crt'), server.identity.caPem);
    await writeFile(join(directory, 'namespace'), namespace);
    await writeFile(join(directory, 'token'), 'first\n');
    let valid = 'first';
    gateway.rule(({ headers }) => (headers.authorization === `Bearer ${valid}` ? undefined : { status: 401 }));
    const environment = { serviceHost: '127.0.0.1', servicePort: `${server.endpoint.port}`, inherited: {} };
    const connection = await inClusterConfig({ environment, directory });
    expect([connection.server, connection.namespace]).toEqual([server.url, namespace]);
    const client = createKubeClient({ ...connection, server: gateway.url });
    scene().atEnd(async () => await client.close());
    await client.list(ConfigMaps, { namespace });
    valid = 'second';
    await expect(client.list(ConfigMaps, { namespace })).rejects.toMatchObject({ code: 'Unauthorized' });
    await writeFile(join(directory, 'token'), 'second\n');
    await client.list(ConfigMaps, { namespace });
    expect(gateway.requests.map(({ headers }) => headers.authorization)).toEqual([
      'Bearer first',
      'Bearer first',
      'Bearer first',
      'Bearer first',
      'Bearer second',
    ]);
  });
});

/** The edge of the agent: who may call, what is refused, what the probes say. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { waitFor } from '@polarstack/base';
import { type AgentClient, podPaths, type Term } from '@polarstack/contracts';
import { createAuthority, issueCertificate } from '@polarstack/pki';
import { afterAll, expect } from 'vitest';
import {
  createTestCluster,
  finished,
  initdbRequest,
  primaryTerm,
  probe as probeOf,
  replicaTerm,
  signal,
  test,
} from './harness.ts';

const cluster = await createTestCluster();
afterAll(async () => await cluster.close());
const deadline = { signal, timeoutMs: 30_000 };
const pod = await cluster.pod('1');
const probe = async (path: string, client = {}) => await probeOf(path, pod, client);
const code = async (call: Promise<unknown>): Promise<unknown> =>
  await call.then(
    () => 'done',
    (error: { code?: unknown }) => error.code,
  );

test('a new member answers, and has no term', async () => {
  await pod.start();
  const status = await pod.client.status();
  expect(status.term).toBeUndefined();
  expect(status.engine).toMatchObject({ state: 'absent', configVersion: 0 });
  expect(await code(pod.client.start())).toBe('TermMissing');
  expect(await code(pod.client.rewind('r'))).toBe('TermMissing');
  expect(await probe('/livez')).toMatchObject({ status: 200 });
  expect(await probe('/readyz')).toMatchObject({ status: 503 });
});

test('only a certificate of the cluster with the right role may call', async () => {
  const everything = async (client: AgentClient): Promise<unknown[]> =>
    await Promise.all([code(client.status()), code(client.setTerm(primaryTerm())), code(client.setRoles([]))]);
  const stranger = await createAuthority({ commonName: 'test', days: 3, now: new Date() });
  expect(await everything(await pod.clientAs('operator', stranger))).toEqual(Array(3).fill('AgentUnauthenticated'));
  expect(await everything(await pod.clientAs('replicator'))).toEqual(Array(3).fill('AgentForbidden'));
  expect(await everything(await pod.clientAs('__proto__'))).toEqual(Array(3).fill('AgentForbidden'));
  const manager = await pod.clientAs('cluster-manager');
  expect(await code(manager.status())).toBe('done');
  expect(await code(manager.setRoles([]))).toBe('AgentForbidden');
  expect(await code(manager.bootstrap('x', initdbRequest()))).toBe('AgentForbidden');
  expect((await pod.client.status()).term).toBeUndefined();
  expect((await probe('/v1/status')).status).toBe(401);
});

test('a bad request is refused naming the field, and changes nothing', async () => {
  const message = async (call: Promise<unknown>): Promise<string> =>
    await call.then(
      () => 'done',
      (error: { code: string; message: string }) => `${error.code}: ${error.message}`,
    );
  const term = (value: unknown): Promise<unknown> => pod.client.setTerm(value as Term);
  expect(await message(term({ epoch: 0, role: 'primary' }))).toMatch(/^InvalidRequest: epoch must be from 1/);
  expect(await message(term({ epoch: 1, role: 'boss' }))).toMatch(
    /^InvalidRequest: role must be one of primary, replica/,
  );
  expect(await message(term({ epoch: 1, role: 'replica' }))).toMatch(/^InvalidRequest: upstream is missing/);
  expect(await message(term({ epoch: 1, role: 'primary', rank: 1 }))).toMatch(
    /^InvalidRequest: rank is not a known field/,
  );
  const upstream = { ...replicaTerm(pod, pod).upstream, port: 70_000 };
  expect(await message(term({ epoch: 1, role: 'replica', upstream }))).toMatch(
    /^InvalidRequest: upstream.port must be/,
  );
  expect(await message(pod.client.bootstrap('no/slash', initdbRequest()))).toMatch(/^InvalidRequest: task must match/);
  const bad = initdbRequest([], { shared_buffers: 'lots' });
  expect(await message(pod.client.bootstrap('create', bad))).toMatch(
    /^InvalidParameter: shared_buffers: invalid value/,
  );
  const status = await pod.client.status();
  expect(status).toMatchObject({ engine: { state: 'absent' } });
  expect(status.task).toBeUndefined();
  expect(status.term).toBeUndefined();
});

test('a path that cannot be decoded is a bad request, not an internal error', async () => {
  const { certPem: cert, keyPem: key } = await issueCertificate({
    authority: cluster.authority,
    commonName: 'operator',
    usages: ['client'],
    days: 5,
    now: new Date(),
  });
  for (const path of ['/v1/tasks/%zz', '//[', '/v1/tasks/%c3%28'])
    expect(await probe(path, { cert, key })).toMatchObject({
      status: 400,
      body: expect.stringContaining('InvalidRequest'),
    });
});

test('one task at a time; the probe says ready when the primary answers', async () => {
  const task = await pod.client.bootstrap('create', initdbRequest());
  expect(await code(pod.client.bootstrap('other', initdbRequest()))).toBe('TaskRunning');
  expect(await pod.client.bootstrap('create', initdbRequest())).toMatchObject({
    id: 'create',
    startedAt: task.startedAt,
  });
  expect(await code(pod.client.task('other'))).toBe('UnknownTask');
  await finished(pod, task);
  expect(await probe('/readyz')).toMatchObject({ status: 200 });
});

test('epochs never decrease, roles do not change within one, also after the death of the agent', async () => {
  const [replica] = [replicaTerm(pod, pod, 1)];
  expect(await code(pod.client.setTerm(replica))).toBe('StaleEpoch');
  expect(await pod.client.setTerm(primaryTerm(5))).toEqual(primaryTerm(5));
  expect(await pod.client.setTerm(primaryTerm(5))).toEqual(primaryTerm(5));
  for (let round = 0; round < 2; round++) {
    expect(await code(pod.client.setTerm(primaryTerm(4)))).toBe('StaleEpoch');
    expect(await code(pod.client.bootstrap(`late-${round}`, initdbRequest()))).toBe('StaleEpoch');
    expect(await code(pod.client.setTerm(replicaTerm(pod, pod, 5)))).toBe('StaleEpoch');
    pod.agent?.kill('SIGKILL');
    await waitFor('the agent to die', async () => (pod.agent === undefined ? true : undefined), deadline);
    await pod.start();
    expect((await pod.client.status()).term).toEqual(primaryTerm(5));
  }
});

test('a primary whose term makes it a replica is not ready, and is stopped', async () => {
  await waitFor('the primary', async () => ((await probe('/readyz')).status === 200 ? true : undefined), deadline);
  await pod.client.setTerm(replicaTerm(pod, pod, 6));
  expect((await probe('/readyz')).status).not.toBe(200);
  await waitFor(
    'its end',
    async () => ((await pod.client.status()).engine.pid === undefined ? true : undefined),
    deadline,
  );
  expect(await probe('/readyz')).toMatchObject({ status: 503, body: expect.stringContaining('EngineContradictsTerm') });
  expect(await code(pod.client.promote())).toBe('WrongRole');
});

test('a renewed certificate is served without a restart', async () => {
  const { serial } = await probe('/livez');
  const pair = await issueCertificate({
    authority: cluster.authority,
    commonName: pod.name,
    dnsNames: [pod.name],
    usages: ['server'],
    days: 5,
    now: new Date(),
  });
  const folder = join(pod.rootDir, podPaths.tls);
  await writeFile(join(folder, 'tls.key'), pair.keyPem);
  await writeFile(join(folder, 'tls.crt'), pair.certPem);
  await waitFor(
    'the new certificate',
    async () => ((await probe('/livez')).serial === serial ? undefined : true),
    deadline,
  );
  expect(await code(pod.client.status())).toBe('done');
});

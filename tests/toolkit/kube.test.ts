/** What of the toolkit needs a kubelet: on our server alone, with pods that are played. */
import { PassThrough, Readable } from 'node:stream';
import type { PodConnector } from '@polarstack/api';
import { StackError } from '@polarstack/base';
import { ConfigMaps, execInPod, loadKubeconfig, Pods } from '@polarstack/kube';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type EmbeddedApi, startEmbeddedApi } from './embedded-api.ts';

/** Pods as this server's runtime would have them: one that echoes. */
const connector: PodConnector = {
  exec: async (ref, { command, stdin, stdout, stderr }) => {
    if (ref.pod !== 'p') throw new StackError('NotFound', `no pod ${ref.pod}`);
    stderr.write(`ran ${command.join(' ')}`);
    if (stdin !== undefined) for await (const chunk of stdin) stdout.write(chunk);
    return Number(command.at(-1));
  },
  logs: async function* () {
    yield Buffer.from('first line\n');
    yield Buffer.from('second line\n');
  },
};

let api: EmbeddedApi;
let stop: AbortController;
let running: Promise<void>[];
beforeAll(async () => {
  api = await startEmbeddedApi({ connector });
});
afterAll(async () => {
  await api.stop();
});
beforeEach(() => {
  stop = new AbortController();
  running = [];
});
afterEach(async () => {
  stop.abort();
  await Promise.all(running);
});

const namespace = 'default';
describe('the client', () => {
  test('a kubeconfig with a certificate of this server is all that is needed; without one nobody is served', async () => {
    const connection = await loadKubeconfig(api.kubeconfig);
    expect(connection.server).toBe(api.connection.server);
    const { createKubeClient } = await import('@polarstack/kube');
    const { certPem: _, keyPem: __, ...stranger } = connection;
    const client = createKubeClient(stranger);
    try {
      await expect(client.list(ConfigMaps)).rejects.toMatchObject({ code: 'Unauthorized' });
    } finally {
      await client.close();
    }
  });
});

describe('pods', () => {
  beforeAll(async () => {
    await api.client.create(Pods, {
      metadata: { name: 'p', namespace },
      spec: { containers: [{ name: 'c', image: 'host' }] },
    });
  });

  test('exec hands over input, output, errors and the exit code', async () => {
    const stdout = new PassThrough();
    const stderr = new PassThrough();
    const stdin = Readable.from(['some ', 'input']);
    const code = await execInPod(
      api.connection,
      { namespace, pod: 'p' },
      { command: ['exit', '7'], stdin, stdout, stderr },
      stop.signal,
    );
    expect([code, String(stdout.read()), String(stderr.read())]).toEqual([7, 'some input', 'ran exit 7']);
  });

  test('an unknown pod is NotFound', async () => {
    const request = { command: ['true'], stdout: new PassThrough(), stderr: new PassThrough() };
    await expect(execInPod(api.connection, { namespace, pod: 'absent' }, request, stop.signal)).rejects.toMatchObject({
      code: 'NotFound',
    });
  });

  test('logs are streamed', async () => {
    let text = '';
    for await (const chunk of api.client.stream(`/api/v1/namespaces/${namespace}/pods/p/log`, stop.signal)) {
      text += Buffer.from(chunk).toString();
    }
    expect(text).toBe('first line\nsecond line\n');
  });
});

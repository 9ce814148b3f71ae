import { readFile, stat } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { waitFor } from '@polarstack/base';
import { ConfigMaps, Events, type KubeClient, Pods, Secrets } from '@polarstack/kube';
import { findProcesses, readProcess } from '@polarstack/node-runtime';
import type { Pod } from 'kubernetes-types/core/v1.js';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createFakeApi } from './fake-client.ts';
import {
  createTestHome,
  execIn,
  GENEROUS_MS,
  hasCondition,
  isReady,
  logOf,
  pod,
  podGone,
  podThat,
  sh,
  type TestHome,
} from './harness.ts';

let client: KubeClient;
let home: TestHome;

beforeEach(async () => {
  client = createFakeApi().client;
  home = await createTestHome(client);
});
afterEach(async () => {
  await home.dispose();
});

/** The script has got this far. */
const UP = ': > "$POLARSTACK_RUN/up"';
const isUp = { exec: { command: sh('test -e "$POLARSTACK_RUN/up"') } };
const FOREVER = 'while :; do sleep 0.1; done';
const first = (of: Pod) => of.status?.containerStatuses?.[0];
const until = <T>(what: string, check: () => Promise<T | undefined>): Promise<T> =>
  waitFor(what, check, { signal: new AbortController().signal, timeoutMs: GENEROUS_MS, intervalMs: 20 });
const eventsOf = async (name: string): Promise<readonly string[]> =>
  (await client.list(Events)).items
    .filter((event) => event.involvedObject.name === name)
    .map((event) => `${event.type} ${event.reason}`);

test('init containers run one after the other before the others', async () => {
  const runtime = await home.start();
  const step = (n: number) => ({
    name: `init-${n}`,
    image: 'host',
    command: sh(`echo ${n} >> "$POLARSTACK_ROOT/w/order"`),
    volumeMounts: [{ name: 'w', mountPath: '/w' }],
  });
  await client.create(
    Pods,
    pod(
      'p',
      { command: sh(`cat "$POLARSTACK_ROOT/w/order"; ${FOREVER}`), volumeMounts: [{ name: 'w', mountPath: '/w' }] },
      { initContainers: [step(1), step(2)], volumes: [{ name: 'w', emptyDir: {} }] },
    ),
  );
  const ready = await podThat(client, 'p', 'to be ready', isReady);
  expect(hasCondition(ready, 'Initialized', 'True')).toBe(true);
  expect(ready.status?.initContainerStatuses?.map((status) => status.state?.terminated?.exitCode)).toEqual([0, 0]);
  await until('both lines', async () => ((await logOf(runtime, 'p')) === '1\n2\n' ? true : undefined));
});

test('a container that fails restarts at once, then waits with CrashLoopBackOff; its previous log stays', async () => {
  const runtime = await home.start();
  await client.create(Pods, pod('p', { command: sh('echo "run $$$$"; exit 3') }));
  const waiting = await podThat(
    client,
    'p',
    'to wait',
    (p) => first(p)?.state?.waiting?.reason === 'CrashLoopBackOff' && first(p)?.restartCount === 1,
  );
  expect(first(waiting)?.lastState?.terminated).toMatchObject({ exitCode: 3, reason: 'Error' });
  expect(waiting.status?.phase).toBe('Running');
  const [now, before] = [await logOf(runtime, 'p'), await logOf(runtime, 'p', true)];
  expect(now).toMatch(/^run \d+\n$/);
  expect(before).toMatch(/^run \d+\n$/);
  expect(now).not.toBe(before);
  await until('the event', async () => ((await eventsOf('p')).includes('Warning BackOff') ? true : undefined));

  // The pause survives a new control: no third run, same count.
  await runtime.close();
  const again = await home.start();
  expect(first(await podThat(client, 'p', 'to be there', () => true))?.restartCount).toBe(1);
  expect(await logOf(again, 'p')).toBe(now);
});

test('restartPolicy Never ends the pod with its code; OnFailure restarts only failures', async () => {
  await home.start();
  await client.create(Pods, pod('failed', { command: sh('exit 4') }, { restartPolicy: 'Never' }));
  await client.create(Pods, pod('done', { command: sh('exit 0') }, { restartPolicy: 'OnFailure' }));
  const failed = await podThat(client, 'failed', 'to fail', (p) => p.status?.phase === 'Failed');
  expect(first(failed)?.state?.terminated).toMatchObject({ exitCode: 4 });
  const done = await podThat(client, 'done', 'to succeed', (p) => p.status?.phase === 'Succeeded');
  expect(first(done)?.state?.terminated).toMatchObject({ exitCode: 0, reason: 'Completed' });
});

test('an unknown image, and a Secret that is missing, are shown and mended by themselves', async () => {
  await home.start();
  await client.create(Pods, pod('image', { image: 'nowhere:1', command: sh(FOREVER) }));
  const unknown = await podThat(
    client,
    'image',
    'to wait',
    (p) => first(p)?.state?.waiting?.reason?.startsWith('Err') ?? false,
  );
  expect(first(unknown)?.state?.waiting).toMatchObject({ reason: 'ErrImageNeverPull' });
  expect(first(unknown)).toMatchObject({ restartCount: 0, ready: false });

  const volumes = [{ name: 's', secret: { secretName: 'late' } }];
  await client.create(Pods, pod('mount', { command: sh(FOREVER) }, { volumes }));
  const stuck = await podThat(client, 'mount', 'to be stuck', (p) => p.status?.reason === 'MountFailed');
  expect(stuck.status).toMatchObject({ phase: 'Pending', message: 'Secret late does not exist' });
  await until('the event', async () => ((await eventsOf('mount')).includes('Warning FailedMount') ? true : undefined));
  await client.create(Secrets, { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'late', namespace: 'default' } });
  const ready = await podThat(client, 'mount', 'to be ready', isReady);
  expect(ready.status?.reason).toBeUndefined();
});

test('a changed Secret or ConfigMap is swapped in as a whole; secret files are readable by their owner alone', async () => {
  const runtime = await home.start();
  const secret = (value: string) => ({
    apiVersion: 'v1' as const,
    kind: 'Secret' as const,
    metadata: { name: 's', namespace: 'default' },
    data: { a: Buffer.from(value).toString('base64'), b: Buffer.from(value).toString('base64') },
  });
  await client.create(Secrets, secret('one'));
  await client.create(ConfigMaps, {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'c', namespace: 'default' },
    data: { key: 'from-map' },
  });
  await client.create(
    Pods,
    pod(
      'p',
      {
        command: sh(`echo "$KEY $PRE_key"; echo "$POLARSTACK_ROOT"; ${FOREVER}`),
        env: [{ name: 'KEY', valueFrom: { configMapKeyRef: { name: 'c', key: 'key' } } }],
        envFrom: [{ prefix: 'PRE_', configMapRef: { name: 'c' } }],
        volumeMounts: [
          { name: 's', mountPath: '/etc/s' },
          { name: 'all', mountPath: '/etc/all' },
        ],
      },
      {
        volumes: [
          { name: 's', secret: { secretName: 's', defaultMode: 0o644 } },
          {
            name: 'all',
            projected: {
              sources: [
                { configMap: { name: 'c', items: [{ key: 'key', path: 'sub/key' }] } },
                { downwardAPI: { items: [{ path: 'labels', fieldRef: { fieldPath: 'metadata.labels' } }] } },
              ],
            },
          },
        ],
      },
    ),
  );
  await podThat(client, 'p', 'to be ready', isReady);
  const root = await until('the log', async () => (await logOf(runtime, 'p')).split('\n')[1] || undefined);
  expect(await logOf(runtime, 'p')).toContain('from-map from-map\n');
  const file = `${root}/etc/s/a`;
  expect(await readFile(file, 'utf8')).toBe('one');
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  expect(await readFile(`${root}/etc/all/sub/key`, 'utf8')).toBe('from-map');
  // Read as the container's user: it owns the files.
  expect((await execIn(runtime, 'p', sh('cat "$POLARSTACK_ROOT/etc/s/b"'))).output).toBe('one');

  const current = await client.get(Secrets, { namespace: 'default', name: 's' });
  await client.replace(Secrets, { ...current, data: secret('two').data });
  await until('the new content', async () => ((await readFile(file, 'utf8')) === 'two' ? true : undefined));
  expect(await readFile(`${root}/etc/s/b`, 'utf8')).toBe('two');
  await client.patch(
    Pods,
    { namespace: 'default', name: 'p' },
    { type: 'merge', body: { metadata: { labels: { x: 'y' } } } },
  );
  await until('the labels', async () =>
    (await readFile(`${root}/etc/all/labels`, 'utf8')) === 'x="y"' ? true : undefined,
  );
});

test('stopping runs the preStop hook, then SIGTERM; what ignores it is killed at the end of the grace', async () => {
  await home.start();
  const volumes = [{ name: 'h', hostPath: { path: '/out' } }];
  const volumeMounts = [{ name: 'h', mountPath: '/out' }];
  await client.create(
    Pods,
    pod(
      'polite',
      {
        command: sh(`trap 'echo term >> "$POLARSTACK_ROOT/out/polite"; exit 0' TERM; ${UP}; ${FOREVER}`),
        readinessProbe: isUp,
        volumeMounts,
        lifecycle: { preStop: { exec: { command: sh('echo pre >> "$POLARSTACK_ROOT/out/polite"') } } },
      },
      { volumes },
    ),
  );
  await client.create(
    Pods,
    pod(
      'deaf',
      { command: sh(`trap '' TERM; setsid sleep 1000 & ${UP}; ${FOREVER}`), readinessProbe: isUp },
      { terminationGracePeriodSeconds: 1 },
    ),
  );
  const polite = await podThat(client, 'polite', 'to be ready', isReady);
  await podThat(client, 'deaf', 'to be ready', isReady);
  await Promise.all(['polite', 'deaf'].map((name) => client.delete(Pods, { namespace: 'default', name })));
  await Promise.all([podGone(client, 'polite'), podGone(client, 'deaf')]);
  const out = `${home.home}/nodes/${polite.spec?.nodeName}/out/polite`;
  expect(await readFile(out, 'utf8')).toBe('pre\nterm\n');
  expect(findProcesses({ roots: [], folders: [home.home], markers: [`POLARSTACK_ROOT=${home.home}/`] })).toEqual([]);
});

test('hooks: postStart before readiness, and preStop as a request or a pause', async () => {
  await home.start();
  const volumes = [{ name: 'h', hostPath: { path: '/out' } }];
  const volumeMounts = [{ name: 'h', mountPath: '/out' }];
  const hook = (word: string) => ({ exec: { command: sh(`echo ${word} >> "$POLARSTACK_ROOT/out/$HOSTNAME"`) } });
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url} ${String(request.headers['x-why'])}`);
    response.end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const httpHeaders = [{ name: 'x-why', value: 'stop' }];
  const httpGet = { host: '127.0.0.1', port, path: '/bye', httpHeaders };
  const container = (preStop: object) => ({
    command: sh(`trap 'echo term >> "$POLARSTACK_ROOT/out/$HOSTNAME"; exit 0' TERM; ${UP}; ${FOREVER}`),
    readinessProbe: {
      exec: { command: sh('grep -q begun "$POLARSTACK_ROOT/out/$HOSTNAME" && test -e "$POLARSTACK_RUN/up"') },
    },
    env: [{ name: 'HOSTNAME', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } }],
    volumeMounts,
    lifecycle: { postStart: hook('begun'), preStop },
  });
  const hooks = { asks: { httpGet }, sleeps: { sleep: { seconds: 1 } }, refused: { httpGet: { ...httpGet, port: 1 } } };
  for (const [name, preStop] of Object.entries(hooks))
    await client.create(Pods, pod(name, container(preStop), { volumes }));
  const ready = new Map<string, Pod>();
  for (const name of Object.keys(hooks)) ready.set(name, await podThat(client, name, 'to be ready', isReady));
  for (const name of Object.keys(hooks)) await client.delete(Pods, { namespace: 'default', name });
  for (const name of Object.keys(hooks)) await podGone(client, name);
  for (const [name, { spec }] of ready) {
    expect(await readFile(`${home.home}/nodes/${spec?.nodeName}/out/${name}`, 'utf8')).toBe('begun\nterm\n');
  }
  expect(asked).toEqual(['GET /bye stop']);
  expect(await eventsOf('asks')).not.toContain('Warning FailedPreStopHook');
  expect(await eventsOf('sleeps')).not.toContain('Warning FailedPreStopHook');
  expect(await eventsOf('refused')).toContain('Warning FailedPreStopHook');
  await new Promise((resolve) => server.close(resolve));
});

test('a postStart hook that fails, or that nobody can run, restarts the container and says why', async () => {
  await home.start();
  await client.create(
    Pods,
    pod('fails', { command: sh(FOREVER), lifecycle: { postStart: { exec: { command: sh('echo no; exit 3') } } } }),
  );
  await client.create(
    Pods,
    pod('strange', { command: sh(FOREVER), lifecycle: { postStart: { tcpSocket: { port: 1 } } } }),
  );
  for (const name of ['fails', 'strange']) {
    const restarted = await podThat(client, name, 'to restart', (p) => (first(p)?.restartCount ?? 0) >= 1);
    expect(first(restarted)?.ready).toBe(false);
    expect(await eventsOf(name)).toContain('Warning FailedPostStartHook');
  }
  const messages = (await client.list(Events)).items.map(({ message }) => message ?? '');
  expect(messages.some((text) => text.includes('command ended with 3: no'))).toBe(true);
  expect(messages.some((text) => text.includes('only exec, httpGet and sleep hooks'))).toBe(true);
});

test('a failing liveness probe restarts the container', async () => {
  await home.start();
  await client.create(
    Pods,
    pod('p', {
      command: sh(`: > "$POLARSTACK_RUN/alive"; sleep 0.3; rm "$POLARSTACK_RUN/alive"; ${FOREVER}`),
      livenessProbe: {
        exec: { command: sh('test -e "$POLARSTACK_RUN/alive"') },
        periodSeconds: 1,
        failureThreshold: 1,
      },
    }),
  );
  const restarted = await podThat(client, 'p', 'to restart', (p) => (first(p)?.restartCount ?? 0) >= 1);
  expect(first(restarted)?.lastState?.terminated?.exitCode).toBe(143);
  expect(await eventsOf('p')).toEqual(
    expect.arrayContaining(['Warning Unhealthy', 'Normal Killing', 'Normal Started']),
  );
});

test('keep mode: the program that dies is started again by its keeper, and the container did not restart', async () => {
  const runtime = await home.start();
  const script = 'echo "pid $$$$"; while :; do sleep 0.1; done';
  await client.create(Pods, pod('p', { command: ['polarstack-keeper', '/bin/sh', '-c', script] }));
  await podThat(client, 'p', 'to be ready', isReady);
  const pids = async () => [...(await logOf(runtime, 'p')).matchAll(/pid (\d+)/g)].map((match) => Number(match[1]));
  const [pid] = await until('the program', async () => ((await pids()).length === 1 ? pids() : undefined));
  process.kill(pid ?? 0, 'SIGKILL');
  const [, second] = await until('the next', async () => ((await pids()).length === 2 ? pids() : undefined));
  expect(readProcess(second ?? 0)).toBeDefined();
  await until('the event', async () => ((await eventsOf('p')).includes('Warning ProgramRestarted') ? true : undefined));
  expect(first(await podThat(client, 'p', 'to be ready', isReady))).toMatchObject({ restartCount: 0, ready: true });
  await client.delete(Pods, { namespace: 'default', name: 'p' });
  await podGone(client, 'p');
  expect(readProcess(second ?? 0)).toBeUndefined();
});

test('a keeper that dies: its processes are found and killed, and the container starts again', async () => {
  const runtime = await home.start();
  await client.create(Pods, pod('p', { command: sh(`echo "pid $$$$ $PPID"; ${FOREVER}`) }));
  await podThat(client, 'p', 'to be ready', isReady);
  const line = await until('the log', async () => (await logOf(runtime, 'p')).match(/pid (\d+) (\d+)/) ?? undefined);
  const [main, keeper] = [Number(line[1]), Number(line[2])];
  process.kill(keeper, 'SIGKILL');
  const next = await podThat(client, 'p', 'to restart', (p) => first(p)?.restartCount === 1 && isReady(p));
  expect(first(next)?.lastState?.terminated).toMatchObject({ exitCode: 137, reason: 'KeeperLost' });
  expect(readProcess(main)).toBeUndefined();
});

test('what is asked for and not done is a condition of the pod', async () => {
  await home.start();
  await client.create(
    Pods,
    pod('p', { command: sh(FOREVER), resources: { limits: { cpu: '1' } }, securityContext: { runAsUser: 12_345 } }),
  );
  const ready = await podThat(client, 'p', 'to be ready', isReady);
  const condition = ready.status?.conditions?.find(({ type }) => type === 'ResourcesEnforced');
  expect(condition).toMatchObject({ status: 'False', reason: 'NotSupported' });
  expect(condition?.message).toContain('limits of container main (cpu=1) are not applied');
  expect(condition?.message).toContain('not 12345');
});

test('logs: follow to the end, tail, limit', async () => {
  const runtime = await home.start();
  const script =
    'for i in 1 2 3; do echo "line $i"; done; while ! [ -e "$POLARSTACK_RUN/go" ]; do sleep 0.05; done; echo last';
  await client.create(Pods, pod('p', { command: sh(script) }, { restartPolicy: 'Never' }));
  await podThat(client, 'p', 'to be ready', isReady);
  const read = async (request: object) => {
    const chunks: Uint8Array[] = [];
    const ref = { namespace: 'default', pod: 'p' };
    const all = { follow: false, previous: false, ...request };
    for await (const chunk of runtime.logs(ref, all, new AbortController().signal)) chunks.push(chunk);
    return Buffer.concat(chunks).toString();
  };
  await until('three lines', async () => ((await read({})).split('\n').length === 4 ? true : undefined));
  expect(await read({ tailLines: 1 })).toBe('line 3\n');
  expect(await read({ limitBytes: 4 })).toBe('line');
  const followed = read({ follow: true, tailLines: 2 });
  await execIn(runtime, 'p', sh(': > "$POLARSTACK_RUN/go"'));
  expect(await followed).toBe('line 2\nline 3\nlast\n');
  await expect(read({ previous: true })).rejects.toMatchObject({ code: 'NotFound' });
});

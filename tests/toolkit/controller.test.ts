/** Controllers and events on both servers. */
import {
  ConfigMaps,
  createController,
  createEventRecorder,
  createInformer,
  createWorkQueue,
  Events,
  objectKey,
  ownerReference,
  parseKey,
  source,
} from '@polarstack/kube';
import { startFaultProxy } from '@polarstack/testkit';
import type { ConfigMap } from 'kubernetes-types/core/v1.js';
import { expect, it } from 'vitest';
import { onBothServers, type Scene } from './both-servers.ts';

const configMap = ({ namespace }: Scene, name: string): ConfigMap => ({ metadata: { namespace, name } });

function startController(
  scene: Scene,
  reconcile: Parameters<typeof createController>[0]['reconcile'],
  options: Partial<Parameters<typeof createController>[0]> = {},
) {
  const { direct, namespace, signal, run } = scene;
  const failures: string[] = [];
  const informer = createInformer<ConfigMap>({ client: direct, resource: ConfigMaps, namespace });
  const isOurs = ({ metadata }: ConfigMap): boolean => metadata?.name !== 'kube-root-ca.crt';
  const controller = createController({
    sources: [source(informer, ({ object }) => (isOurs(object) ? [objectKey(object)] : []))],
    reconcile,
    queue: createWorkQueue({ backoff: { baseMs: 2, maxMs: 50 } }),
    onError: (_error, key) => failures.push(parseKey(key).name),
    ...options,
  });
  run(informer.start(signal));
  run(controller.run(signal));
  return { informer, controller, failures };
}

onBothServers('controllers and events', (scene) => {
  it('what is taken away is made again, and goes with its owner', async () => {
    const { direct, namespace, until } = scene();
    const { informer } = startController(scene(), async (key) => {
      const { name } = parseKey(key);
      const owner = informer.get(`${namespace}/${name.replace(/-child$/, '')}`);
      if (owner === undefined || informer.get(`${objectKey(owner)}-child`) !== undefined) return;
      const owners = [ownerReference({ ...owner, apiVersion: 'v1', kind: 'ConfigMap' })];
      const metadata = { namespace, name: `${owner.metadata?.name}-child`, ownerReferences: owners };
      await direct.create(ConfigMaps, { metadata });
    });
    await direct.create(ConfigMaps, configMap(scene(), 'wanted'));
    const child = () => informer.get(`${namespace}/wanted-child`)?.metadata?.uid;
    await until('the child', () => child() !== undefined);
    const first = child();
    await direct.delete(ConfigMaps, { namespace, name: 'wanted-child' });
    await until('another child', () => child() !== undefined && child() !== first);
    await direct.delete(ConfigMaps, { namespace, name: 'wanted' });
    await until('the child to be collected', () => child() === undefined);
  });

  it('a key whose handler throws comes again, others go on, and stuck ones hold up nobody', async () => {
    const { direct, namespace, until } = scene();
    const done = new Set<string>();
    const tries = new Map<string, number>();
    const { failures, controller } = startController(
      scene(),
      async (key, signal) => {
        const { name } = parseKey(key);
        tries.set(name, (tries.get(name) ?? 0) + 1);
        if (name.startsWith('stuck')) {
          await new Promise<void>((resolve) => {
            signal.addEventListener('abort', () => resolve(), { once: true });
          });
        }
        if (name === 'throws' && tries.get(name) !== 4) throw new Error('not yet');
        done.add(name);
      },
      { concurrency: 2, handOverMs: 20 },
    );
    const names = ['stuck-1', 'stuck-2', 'stuck-3', 'throws', 'a', 'b', 'c'];
    for (const name of names) await direct.create(ConfigMaps, configMap(scene(), name));
    await until('the others', () => ['throws', 'a', 'b', 'c'].every((name) => done.has(name)));
    expect(failures).toEqual(['throws', 'throws', 'throws']);
    expect(controller.queue.failures(`${namespace}/throws`)).toBe(0);
    // A change of a stuck one waits for it.
    await direct.patch(ConfigMaps, { namespace, name: 'stuck-1' }, { type: 'merge', body: { data: { a: '1' } } });
    await direct.create(ConfigMaps, configMap(scene(), 'last'));
    await until('the last', () => done.has('last'));
    expect(tries.get('stuck-1')).toBe(1);
  });

  it('events are counted, combined after ten, and come in the end through an outage', async () => {
    const { direct, namespace, server, atEnd, signal, until } = scene();
    const proxy = await startFaultProxy(server.endpoint);
    atEnd(async () => await proxy.stop());
    const client = scene().client({ server: `https://127.0.0.1:${proxy.port}` });
    const errors: unknown[] = [];
    const recorder = createEventRecorder({
      client,
      component: 'toolkit-test',
      signal,
      backoff: { baseMs: 5, maxMs: 50 },
      onError: (error) => errors.push(error),
    });
    const subject = await direct.create(ConfigMaps, configMap(scene(), 'subject'));
    const about = { ...subject, apiVersion: 'v1', kind: 'ConfigMap' };
    const tell = (message: string): void => recorder.record(about, { type: 'Warning', reason: 'Tried', message });
    const stored = async (): Promise<readonly string[]> => {
      const fieldSelector = 'involvedObject.name=subject,reason=Tried';
      const { items } = await direct.list(Events, { namespace, fieldSelector });
      return items.map(({ message, count }) => `${count} x ${message}`).toSorted();
    };
    tell('once more');
    await recorder.flush(60_000);
    tell('once more');
    await recorder.flush(60_000);
    expect(await stored()).toEqual(['2 x once more']);
    await proxy.down();
    for (let i = 1; i <= 12; i++) tell(`try ${String(i).padStart(2, '0')}`);
    await until('a report of the outage', () => errors.length > 0);
    await proxy.up();
    const combined = '(combined from similar events): try';
    await until(
      'all of them',
      async () => (await stored()).includes(`3 x ${combined} 12`) || (await stored()).includes(`3 x ${combined} 10`),
    );
    const tries = Array.from({ length: 9 }, (_, i) => `1 x try ${String(i + 1).padStart(2, '0')}`);
    expect((await stored()).filter((text) => !text.includes('combined'))).toEqual([...tries, '2 x once more']);
    expect(errors).toHaveLength(1);
  });
});

import { mkdir, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { PodSpec, Volume } from 'kubernetes-types/core/v1.js';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createLayout } from '../layout.ts';
import { openPodFolder } from './pod-folder.ts';

let home: string;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'pod-folder-'));
});
afterEach(async () => {
  await rm(home, { recursive: true, force: true });
});

const emptyDir = (name: string): Volume => ({ name, emptyDir: {} });
const configMap = (name: string): Volume => ({ name, configMap: { name: 'm' } });

async function prepare(volumes: readonly Volume[], container = 'c'): Promise<void> {
  const pod = { namespace: 'default', name: 'p', uid: 'u' };
  const folder = await openPodFolder({
    layout: createLayout(home),
    node: 'node-1',
    pod,
    runBase: join(home, 'run'),
    uid: process.getuid?.() ?? 0,
    sources: { secret: async () => undefined, configMap: async () => ({ data: { key: 'text' } }) },
    boundVolume: async () => undefined,
  });
  const started = new Date(0).toISOString();
  await folder.create({ podIP: '', containers: {}, started } as unknown as Parameters<typeof folder.create>[0]);
  const spec: PodSpec = { containers: [{ name: container, image: 'host' }], volumes: [...volumes] };
  await folder.prepare({ pod: { metadata: { name: 'p' }, spec }, podIP: '', hostIP: '', nodeName: 'node-1' });
}

it('never takes a volume’s name for a path, also of a pod that an earlier API stored', async () => {
  const victim = join(home, 'victim');
  await mkdir(victim, { mode: 0o755 });
  await writeFile(join(victim, 'precious'), 'data');
  for (const name of ['../../../../../victim', '..', '', '.']) {
    for (const volume of [emptyDir(name), configMap(name)]) {
      await expect(prepare([volume]), name).rejects.toMatchObject({ code: 'InvalidPod' });
    }
  }
  expect(await readdir(victim)).toEqual(['precious']);
  expect((await stat(victim)).mode & 0o777).toBe(0o755);
});

it('never fills from the API a folder that containers may write', async () => {
  const twice = prepare([configMap('v'), emptyDir('v')]);
  await expect(twice).rejects.toMatchObject({ code: 'InvalidPod' });
  await expect(prepare([configMap('state')], 'volumes')).rejects.toMatchObject({ code: 'InvalidPod' });
  await prepare([configMap('map'), emptyDir('scratch')]);
});

it('brings to its end what a control that was killed had begun: links missing, an earlier version left', async () => {
  await prepare([configMap('map')]);
  const map = join(createLayout(home).pod('node-1', { namespace: 'default', name: 'p', uid: 'u' }), 'volumes', 'map');
  const whole = (await readdir(map)).sort();
  await rm(join(map, 'key'));
  await mkdir(join(map, '..earlier'));
  await prepare([configMap('map')]);
  expect((await readdir(map)).sort()).toEqual(whole);
});

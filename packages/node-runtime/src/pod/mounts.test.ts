import { lstat, mkdir, mkdtemp, readdir, readFile, readlink, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createLayout, parsePodFolder } from '../layout.ts';
import { buildRoot, type VolumeContext, type VolumeFolder, volumeFolder } from './mounts.ts';
import { volumeContent } from './volume-content.ts';

let home: string;
let context: VolumeContext;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'mounts-'));
  const layout = createLayout(home);
  await mkdir(layout.node('node-1'), { recursive: true });
  context = { layout, node: 'node-1', podFolder: join(home, 'pod'), boundVolume: async () => 'pv-1' };
});
afterEach(async () => {
  await rm(home, { recursive: true, force: true });
});

describe('volumeFolder', () => {
  it('a claim’s folder is never made here: where it is missing, data was lost', async () => {
    const volume = { name: 'd', persistentVolumeClaim: { claimName: 'c' } };
    await expect(volumeFolder(volume, context)).rejects.toMatchObject({ code: 'MountFailed' });
    const path = join(home, 'nodes/node-1/volumes/pv-1');
    await mkdir(path, { recursive: true });
    expect(await volumeFolder(volume, context)).toEqual({ name: 'd', path, kind: 'persistent' });
    const unbound = { ...context, boundVolume: async () => undefined };
    await expect(volumeFolder(volume, unbound)).rejects.toThrow('not bound');
  });

  it('a hostPath lies below its node, and reaches neither other pods nor other nodes', async () => {
    const host = (path: string, type = '') => volumeFolder({ name: 'h', hostPath: { path, type } }, context);
    expect((await host('/var/x')).path).toBe(join(home, 'nodes/node-1/var/x'));
    for (const path of ['/', '/../node-2/x', '/pods/x', '/volumes/pv-1', '/var/../pods']) {
      await expect(host(path)).rejects.toMatchObject({ code: 'InvalidPod' });
    }
    await expect(host('/nothing', 'Directory')).rejects.toMatchObject({ code: 'MountFailed' });
  });

  it('an emptyDir is private', async () => {
    const { path } = await volumeFolder({ name: 'e', emptyDir: {} }, context);
    expect((await stat(path)).mode & 0o777).toBe(0o700);
  });
});

describe('buildRoot', () => {
  const root = (): string => join(home, 'root');
  async function build(...mounts: { name: string; mountPath: string; subPath?: string }[]): Promise<void> {
    const volumes = new Map<string, VolumeFolder>();
    for (const [name, kind] of [
      ['d', 'persistent'],
      ['s', 'api'],
    ] as const) {
      await mkdir(join(home, name), { recursive: true });
      volumes.set(name, { name, path: join(home, name), kind });
    }
    await buildRoot(root(), { name: 'c', volumeMounts: mounts }, volumes);
  }

  it('has a link at each mount path, inner mounts after outer ones', async () => {
    await writeFile(join(await mkdtemp(join(home, 'x')), 'f'), '');
    await build(
      { name: 's', mountPath: '/data/etc/tls' },
      { name: 'd', mountPath: '/data' },
      { name: 'd', mountPath: '/logs', subPath: 'log' },
    );
    expect(await readlink(join(root(), 'data'))).toBe(join(home, 'd'));
    expect(await readlink(join(root(), 'data/etc/tls'))).toBe(join(home, 's'));
    await writeFile(join(root(), 'logs/l'), 'text');
    expect(await readFile(join(home, 'd/log/l'), 'utf8')).toBe('text');
    await build({ name: 's', mountPath: '/data/etc/tls' }, { name: 'd', mountPath: '/data' });
  });

  it('refuses what cannot be', async () => {
    await expect(build({ name: 'd', mountPath: '/' })).rejects.toMatchObject({ code: 'InvalidPod' });
    await expect(build({ name: 'none', mountPath: '/x' })).rejects.toMatchObject({ code: 'InvalidPod' });
    await expect(build({ name: 'd', mountPath: '/x', subPath: '../y' })).rejects.toMatchObject({ code: 'InvalidPod' });
    const inside = build({ name: 's', mountPath: '/s' }, { name: 'd', mountPath: '/s/d' });
    await expect(inside).rejects.toMatchObject({ code: 'InvalidPod' });
  });
});

describe('links that a container left in a volume', () => {
  const root = (): string => join(home, 'root');
  let secret: string;
  let data: string;
  beforeEach(async () => {
    secret = join(home, 'only-root');
    data = join(home, 'nodes/node-1/volumes/pv-1');
    await mkdir(secret);
    await mkdir(join(secret, 'inner'));
    await mkdir(data, { recursive: true });
    await symlink(secret, join(data, 'x'));
  });
  afterEach(async () => {
    expect(await readdir(secret)).toEqual(['inner']);
    expect(await readdir(join(secret, 'inner'))).toEqual([]);
  });

  async function build(...volumeMounts: { name: string; mountPath: string; subPath?: string }[]): Promise<void> {
    const volumes = new Map<string, VolumeFolder>();
    const claim = { name: 'd', persistentVolumeClaim: { claimName: 'c' } };
    for (const volume of [claim, { name: 'e', emptyDir: {} }, { name: 'h', hostPath: { path: '/shared' } }]) {
      volumes.set(volume.name, await volumeFolder(volume, context));
    }
    await buildRoot(root(), { name: 'c', volumeMounts }, volumes);
  }
  const failed = { code: 'MountFailed' };

  it('are not followed by a subPath (F1)', async () => {
    for (const subPath of ['x', 'x/new', 'x/inner', 'x/inner/new']) {
      await expect(build({ name: 'd', mountPath: '/d', subPath }), subPath).rejects.toMatchObject(failed);
    }
  });

  it('are not followed by a mount inside of another (F1, F2)', async () => {
    const outer = { name: 'd', mountPath: '/d' };
    for (const mountPath of ['/d/x/evil-link', '/d/x/inner', '/d/x/inner/deep', '/d/./x/y', '//d//x/z']) {
      await expect(build(outer, { name: 'e', mountPath }), mountPath).rejects.toMatchObject(failed);
    }
    await mkdir(join(data, 'sub'));
    await symlink(secret, join(data, 'sub/y'));
    const below = build({ ...outer, subPath: 'sub' }, { name: 'e', mountPath: '/d/y/z' });
    await expect(below).rejects.toMatchObject(failed);
    await build(outer, { name: 'e', mountPath: '/d/x' }); // in place of the link, where the container sees it
    expect(await readlink(join(data, 'x'))).toBe(join(home, 'pod/volumes/e'));
  });

  it('are not followed by a hostPath, at no step and also not later (F1)', async () => {
    const host = (path: string, type = '') => volumeFolder({ name: 'h', hostPath: { path, type } }, context);
    const shared = join(home, 'nodes/node-1/shared');
    await host('/shared');
    await symlink(secret, join(shared, 'y'));
    for (const type of ['', 'DirectoryOrCreate', 'Directory', 'File']) {
      for (const path of ['/shared/y', '/shared/y/new', '/shared/y/inner', '/shared/y/inner/new']) {
        await expect(host(path, type), `${type} ${path}`).rejects.toMatchObject(failed);
      }
    }
    const inner = build({ name: 'h', mountPath: '/h' }, { name: 'e', mountPath: '/h/y/link' });
    await expect(inner).rejects.toMatchObject(failed);
    const swapped = new Map([['h', await host('/shared/folder')]]);
    await rm(join(shared, 'folder'), { recursive: true });
    await symlink(secret, join(shared, 'folder'));
    const mounts = [{ name: 'h', mountPath: '/h', subPath: 'new' }];
    await expect(buildRoot(root(), { name: 'c', volumeMounts: mounts }, swapped)).rejects.toMatchObject(failed);
  });

  it('do not keep what is no link from being made on the way', async () => {
    await build(
      { name: 'd', mountPath: '/d/', subPath: 'a/b' },
      { name: 'e', mountPath: '/d/c/e' },
      { name: 'h', mountPath: '/d/c/e/f/h' },
    );
    expect(await readlink(join(root(), 'd'))).toBe(join(data, 'a/b'));
    expect(await readlink(join(data, 'a/b/c/e'))).toBe(join(home, 'pod/volumes/e'));
    expect(await readlink(join(home, 'pod/volumes/e/f/h'))).toBe(join(home, 'nodes/node-1/shared'));
    expect((await lstat(join(data, 'a/b'))).mode & 0o777).toBe(0o700);
  });
});

describe('volumeContent', () => {
  const facts = { pod: { metadata: { name: 'p' } }, podIP: '', hostIP: '', nodeName: '' };
  const sources = {
    secret: async () => ({ data: { a: Buffer.from('A').toString('base64'), b: '' } }),
    configMap: async () => undefined,
  };

  it('never lets others read a secret, picks items, and stays inside the volume', async () => {
    const secret = (fields: object) =>
      volumeContent({ name: 's', secret: { secretName: 's', ...fields } }, facts, sources);
    expect((await secret({}))?.get('a')).toEqual({ content: Buffer.from('A'), mode: 0o400 });
    expect((await secret({ defaultMode: 0o777 }))?.get('a')?.mode).toBe(0o700);
    const items = [{ key: 'a', path: 'x/y', mode: 0o444 }];
    expect([...((await secret({ items })) ?? [])].map(([name, { mode }]) => [name, mode])).toEqual([['x/y', 0o400]]);
    await expect(secret({ items: [{ key: 'a', path: '../x' }] })).rejects.toMatchObject({ code: 'InvalidPod' });
    await expect(secret({ items: [{ key: 'none', path: 'x' }] })).rejects.toMatchObject({ code: 'MountFailed' });
    const map = volumeContent({ name: 'c', configMap: { name: 'none' } }, facts, sources);
    await expect(map).rejects.toThrow('ConfigMap none does not exist');
  });
});

describe('layout', () => {
  it('makes no path of what is no name', () => {
    const layout = createLayout(home);
    expect(() => layout.volume('node-1', '../x')).toThrow();
    expect(() => layout.pod('node-1', { namespace: 'a', name: '..', uid: 'u' })).toThrow();
    expect(parsePodFolder('ns_pod-1.x_uid')).toEqual({ namespace: 'ns', name: 'pod-1.x', uid: 'uid' });
    expect(parsePodFolder('lost+found')).toBeUndefined();
  });
});

import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { findKubeAssets } from './kube-assets.ts';

const folders: string[] = [];

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

/** A folder with programs that say no more than their version. */
function folderOf(versions: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'polarstack-assets-'));
  folders.push(folder);
  for (const [program, version] of Object.entries(versions)) {
    writeFileSync(join(folder, program), `#!/bin/sh\necho ${program} v${version}\n`);
    chmodSync(join(folder, program), 0o755);
  }
  return folder;
}

it('takes the first of each that is new enough (A1)', () => {
  const old = folderOf({ kubectl: '1.20.2', etcd: '3.4.23' });
  const good = folderOf({
    'kube-apiserver': '1.30.1',
    'kube-controller-manager': '1.30.1',
    etcd: '3.6.1',
    kubectl: '1.30.1',
  });
  expect(findKubeAssets([old, good])).toEqual({
    complete: true,
    assets: {
      'kube-apiserver': join(good, 'kube-apiserver'),
      'kube-controller-manager': join(good, 'kube-controller-manager'),
      etcd: join(good, 'etcd'),
      kubectl: join(good, 'kubectl'),
      version: '1.30.1',
    },
  });
});

it('takes no pair of two versions (A2)', () => {
  const envtest = folderOf({ 'kube-apiserver': '1.30.1', etcd: '3.6.1', kubectl: '1.30.1' });
  const other = folderOf({ 'kube-controller-manager': '1.31.0' });
  expect(findKubeAssets([envtest, other])).toMatchObject({
    complete: false,
    missing: ['kube-apiserver', 'kube-controller-manager'],
  });
});

it('says what is missing', () => {
  const folder = folderOf({});
  expect(findKubeAssets([folder, join(folder, 'nowhere')])).toMatchObject({
    complete: false,
    missing: ['kube-apiserver', 'kube-controller-manager', 'etcd', 'kubectl'],
  });
});

import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Build, bundleNames } from './build.ts';
import { homeAt } from './home.ts';
import { installVersion, pruneVersions } from './versions.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "it's a "));
  chmodSync(folder, 0o755);
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function makeBuild(id: string): Build {
  const dist = join(folder, `dist-${id}`);
  mkdirSync(join(dist, 'manifests'), { recursive: true });
  const program = `if (process.argv[2] === 'stay') setInterval(() => {}, 1000);\nconsole.log('${id}', process.execArgv.join());`;
  for (const name of bundleNames) writeFileSync(join(dist, `${name}.mjs`), program);
  writeFileSync(join(dist, 'build.json'), '{}');
  return {
    folder: dist,
    id,
    version: '1',
    bundles: { cli: '', control: '', proxy: '', agent: '', 'cluster-manager': '' },
  };
}

test('programs of a copied build run without the build, whatever the path', () => {
  const build = makeBuild('one');
  const home = homeAt(join(folder, 'home'));
  const { bin } = installVersion(home, build, { asOther: false });
  rmSync(build.folder, { recursive: true });
  expect(readdirSync(bin).sort()).toEqual([
    'polarstack',
    'polarstack-agent',
    'polarstack-cluster-manager',
    'polarstack-control',
    'polarstack-proxy',
  ]);
  const { stdout } = spawnSync(join(bin, 'polarstack-agent'), { encoding: 'utf8' });
  expect(stdout).toMatch(/^one --max-semi-space-size=1/);
  // A second time there is nothing to copy.
  expect(installVersion(home, build, { asOther: false }).bin).toBe(bin);
});

test('a node that others cannot reach is copied beside the programs', () => {
  const closed = join(folder, 'closed');
  mkdirSync(closed, { mode: 0o700 });
  const node = join(closed, 'node');
  writeFileSync(node, '#!/bin/sh\necho copied\n', { mode: 0o755 });
  const home = homeAt(join(folder, 'home'));
  const { bin } = installVersion(home, makeBuild('one'), { asOther: true, node });
  rmSync(closed, { recursive: true });
  expect(spawnSync(join(bin, 'polarstack-proxy'), { encoding: 'utf8' }).stdout).toBe('copied\n');
});

test('builds that a process runs, and the current one, are kept; others go', async () => {
  const home = homeAt(join(folder, 'home'));
  const [used, , unused] = ['used', 'current', 'unused'].map((id) =>
    installVersion(home, makeBuild(id), { asOther: false }),
  );
  const child = spawn(join(used?.bin ?? '', 'polarstack-agent'), ['stay'], { stdio: ['ignore', 'pipe', 'ignore'] });
  try {
    await once(child.stdout, 'data');
    expect(pruneVersions(home, 'current')).toEqual(['unused']);
    expect(existsSync(unused?.folder ?? '')).toBe(false);
    expect(readdirSync(home.versions).sort()).toEqual(['current', 'used']);
  } finally {
    child.kill('SIGKILL');
  }
});

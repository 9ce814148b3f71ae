import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { homeAt } from '../home/home.ts';
import { removeRunFolders } from './run-folders.ts';

let folder: string;
const base = `/tmp/polarstack-4${process.pid}`;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'run-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
  rmSync(base, { recursive: true, force: true });
});

function pod(name: string, runFolder: string): void {
  const path = join(folder, 'nodes', 'node-1', 'pods', name);
  mkdirSync(path, { recursive: true });
  writeFileSync(join(path, 'pod.json'), JSON.stringify({ runFolder }));
  mkdirSync(runFolder, { recursive: true });
}

test('removes the folders for sockets, and their parent once it is empty', () => {
  pod('a', `${base}/0123abcd`);
  removeRunFolders(homeAt(folder));
  expect(existsSync(base)).toBe(false);
});

test('leaves alone what the node runtime would not have made, whatever a record says', () => {
  const precious = join(folder, 'precious');
  pod('a', precious);
  pod('b', `${base}/not-hex`);
  pod('c', `${base}/0123abcd/../precious`);
  removeRunFolders(homeAt(folder));
  expect(existsSync(precious)).toBe(true);
  expect(existsSync(`${base}/not-hex`)).toBe(true);
  expect(existsSync(`${base}/precious`)).toBe(true);
});

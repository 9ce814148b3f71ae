/** What is not known about a process (no descriptor left to ask with) is no death. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import { isAlive, processesIn, processStat } from './proc.ts';
import { watchDeath } from './watch.ts';

const descriptors = vi.hoisted(() => ({ exhausted: false, refused: 0 }));
vi.mock('node:fs', async (original) => {
  const fs = await original<typeof import('node:fs')>();
  const readFileSync = (...args: Parameters<typeof fs.readFileSync>) => {
    if (!descriptors.exhausted) return fs.readFileSync(...args);
    descriptors.refused++;
    throw Object.assign(new Error('EMFILE: too many open files'), { code: 'EMFILE' });
  };
  return { ...fs, readFileSync };
});
afterEach(() => {
  descriptors.exhausted = false;
});

test('without a descriptor to ask with, a living process is not taken for dead, and its death is seen afterwards', async () => {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'ps-unknown-')));
  const child = spawn('sleep', ['600'], { cwd: folder, stdio: 'ignore' });
  await once(child, 'spawn');
  try {
    const pid = child.pid ?? 0;
    const { startTicks } = processStat(pid) ?? { startTicks: 0 };
    let dead = false;
    descriptors.exhausted = true;
    descriptors.refused = 0;
    expect(() => isAlive(pid, startTicks)).toThrow('EMFILE');
    expect(() => processesIn([folder])).toThrow('EMFILE');
    const seen = new Promise<void>((resolve) => {
      watchDeath(pid, startTicks, folder, () => {
        dead = true;
        resolve();
      });
    });
    // It asks again and again, and concludes nothing.
    await vi.waitFor(() => expect(descriptors.refused).toBeGreaterThan(4), { timeout: 20_000 });
    expect(dead).toBe(false);
    descriptors.exhausted = false;
    expect(isAlive(pid, startTicks)).toBe(true);
    child.kill('SIGKILL');
    await seen;
  } finally {
    child.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  }
});

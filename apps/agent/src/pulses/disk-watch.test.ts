import { mkdtempSync, readdirSync, readFileSync, readlinkSync, realpathSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { waitFor } from '@polarstack/base';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createDiskWatch, type DiskWatch } from './disk-watch.ts';

let folder: string;
let watch: DiskWatch;
const signal = AbortSignal.timeout(60_000);
const env = { PATH: process.env.PATH ?? '/usr/bin:/bin' };
beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'ps-disk-')));
  watch = createDiskWatch({ file: join(folder, 'disk'), cwd: folder, env });
});
afterEach(async () => {
  watch.close();
  await until('the end of the process', () => processes().length === 0);
  rmSync(folder, { recursive: true, force: true });
});

/** Living processes that work in the folder. */
const processes = (): readonly number[] =>
  readdirSync('/proc').flatMap((name) => {
    try {
      const isInside = /^\d+$/.test(name) && readlinkSync(`/proc/${name}/cwd`) === folder;
      return isInside && !/^State:\s+Z/m.test(readFileSync(`/proc/${name}/status`, 'latin1')) ? [Number(name)] : [];
    } catch {
      // Gone meanwhile.
      return [];
    }
  });
const until = async (what: string, check: () => boolean): Promise<void> => {
  await waitFor(what, async () => (check() ? true : undefined), { signal, timeoutMs: 20_000, intervalMs: 5 });
};

const untilOk = async (): Promise<void> => {
  const look = async () =>
    await watch.look(signal).then(
      () => true,
      () => undefined,
    );
  await waitFor('a look that succeeds', look, { signal, timeoutMs: 20_000, intervalMs: 5 });
};
function only(): number {
  const [pid, ...more] = processes();
  if (pid === undefined || more.length > 0) throw new Error(`not one process but ${processes().length}`);
  return pid;
}

test('a block is written and read, again and again, by one process', async () => {
  await watch.look(signal);
  const first = processes();
  expect(first).toHaveLength(1);
  await watch.look(signal);
  expect(processes()).toEqual(first);
  expect(statSync(join(folder, 'disk')).size).toBe(4096);
});

test('a disk that refuses is told in its words', async () => {
  watch = createDiskWatch({ file: join(folder, 'none', 'disk'), cwd: folder, env });
  await expect(watch.look(signal)).rejects.toThrow('No such file or directory');
  watch.close();
  watch = createDiskWatch({ file: '/dev/full', cwd: folder, env });
  // A full disk answers.
  await watch.look(signal);
});

test('K2: a process that hangs is noticed and killed, and replaced by one', async () => {
  watch = createDiskWatch({ file: join(folder, 'disk'), cwd: folder, env, limitMs: 200 });
  await untilOk();
  const hung = only();
  process.kill(hung, 'SIGSTOP');
  await expect(watch.look(signal)).rejects.toMatchObject({ code: 'EngineTimeout' });
  await untilOk();
  expect(processes()).toHaveLength(1);
  expect(processes()).not.toContain(hung);
});

test('an abort ends a look; a process that dies by itself fails one look', async () => {
  await watch.look(signal);
  const stop = new AbortController();
  const pid = only();
  process.kill(pid, 'SIGSTOP');
  const look = watch.look(stop.signal);
  stop.abort(new Error('enough'));
  await expect(look).rejects.toThrow('enough');
  process.kill(pid, 'SIGKILL');
  await until('its end', () => !processes().includes(pid));
  await untilOk();
});

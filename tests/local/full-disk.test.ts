/** A home whose disk is full, on a small file system of its own: as root alone. */
import { spawnSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { waitFor } from '@polarstack/base';
import { createTestHome, missing } from '@polarstack/testkit';
import { describe, expect, test } from 'vitest';

const skip = missing('root') || missing('postgres') || missing('kubectl');

/** Takes all the room there is. */
function fill(path: string): void {
  const fd = openSync(path, 'a');
  try {
    for (const size of [1024 * 1024, 4096, 1]) {
      expect(() => {
        for (;;) if (writeSync(fd, Buffer.alloc(size)) < size) throw new Error('ENOSPC, after a part');
      }).toThrow(/ENOSPC/);
    }
  } finally {
    closeSync(fd);
  }
}

describe.skipIf(skip)('a full disk', () => {
  test('reads go on, writes are refused with StateDiskFull, and go on by themselves when there is room', async ({
    skip: skipHere,
  }) => {
    const home = createTestHome();
    mkdirSync(home.dir, { mode: 0o755 });
    const options = ['-t', 'tmpfs', '-o', 'size=96m,mode=755', 'none', home.dir];
    const mounted = spawnSync('mount', options, { encoding: 'utf8' });
    if (mounted.status !== 0) {
      await home.remove();
      skipHere(`no tmpfs can be mounted here: ${mounted.stderr}`);
    }
    try {
      await home.polarstackOk(['up', '--no-demo']);
      const pid = home.controlPid();
      const ballast = join(home.dir, 'ballast');
      fill(ballast);
      const write = () => home.kubectl(['create', 'configmap', 'full', `--from-literal=x=${'x'.repeat(20_000)}`]);
      const refused = await waitFor(
        'a write to be refused',
        async () => {
          fill(ballast); // what the log has left free by then
          const { code, stderr } = await write();
          if (code !== 0) return stderr;
          await home.kubectl(['delete', 'configmap', 'full']);
          return undefined;
        },
        { signal: new AbortController().signal, timeoutMs: 60_000 },
      );
      expect(refused).toContain('StateDiskFull');
      for (let n = 0; n < 20; n++) {
        expect(await home.kubectlOk(['get', 'nodes', '-o', 'name'])).toContain('node/node-3');
      }
      expect((await write()).stderr).toContain('StateDiskFull');
      rmSync(ballast);
      await waitFor('a write to be taken', async () => ((await write()).code === 0 ? true : undefined), {
        signal: new AbortController().signal,
        timeoutMs: 60_000,
      });
      expect(home.controlPid()).toBe(pid);
      expect(readFileSync(`/proc/${pid}/cmdline`, 'utf8')).toContain('control.mjs');
    } finally {
      rmSync(join(home.dir, 'ballast'), { force: true });
      await home.polarstack(['down', '--delete', '--yes']);
      spawnSync('umount', ['-l', home.dir]);
      rmSync(home.dir, { recursive: true, force: true });
      await home.remove();
    }
  });
});

/** A full disk under one instance while parameters are changed: on a small file system of its own, as root alone. */
import { spawnSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { missing } from '@polarstack/testkit';
import { describe, expect, test } from 'vitest';
import { createMembersScene } from './members-scene.ts';
import { createReplaceScene, succeeded } from './replace-scene.ts';

const LIMIT_MS = 400_000;
const NODE = 'node-3';

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

describe.skipIf(missing('root') || missing('postgres') || missing('kubectl'))('a full disk', () => {
  test(
    'ApplyParameters is tried again, then stops with DiskFull; when there is room, Resume finishes',
    async ({ skip }) => {
      let folder = '';
      let refusal = '';
      const scene = await createMembersScene('full', { followerNum: 2 }, {}, (home) => {
        folder = join(home.dir, 'nodes', NODE, 'volumes');
        mkdirSync(folder, { recursive: true });
        const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=600m,mode=755', 'none', folder]);
        if (mounted.status !== 0) refusal = mounted.stderr.toString();
      });
      const replace = createReplaceScene(scene);
      const ballast = join(folder, 'ballast');
      try {
        if (refusal !== '') skip(`no tmpfs can be mounted here: ${refusal}`);
        const entries = async () => Object.values((await scene.cluster()).status?.dbInstanceStatus ?? {});
        const full = (await entries()).find(({ nodeName }) => nodeName === NODE)?.insId ?? '';
        if ((await scene.leader()) === full) succeeded(await scene.operate('SwitchRw', {}));
        const starts = await replace.starts();
        fill(ballast);
        const operation = await replace.next(
          'FlushParams',
          async () => await replace.change({ parameters: { work_mem: '7MB' } }),
        );
        expect(operation.status).toMatchObject({
          phase: 'Interrupted',
          error: { code: 'DiskFull', remedy: expect.stringMatching(/\S/) },
        });
        const step = operation.status?.steps?.find(({ state }) => state === 'Failed');
        expect(step?.name).toContain(`ApplyParameters-${full}`);
        expect(step?.attempts).toBeGreaterThan(1);
        rmSync(ballast);
        succeeded(await scene.resume(operation));
        expect(new Set(Object.values(await replace.show('work_mem')))).toEqual(new Set(['7MB']));
        expect(await replace.starts()).toEqual(starts);
      } finally {
        rmSync(ballast, { force: true });
        await scene.home.polarstack(['down']);
        spawnSync('umount', ['-l', folder]);
        await scene.close();
      }
    },
    LIMIT_MS,
  );
});

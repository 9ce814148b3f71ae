/**
 * Issue 5, "Interrupts for real": a full disk under one instance while parameters and the class are changed, and writes go on
 * meanwhile. On a small file system of its own, as root alone.
 */
import { spawnSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { waitFor } from '@polarstack/base';
import { Pods } from '@polarstack/kube';
import { missing } from '@polarstack/testkit';
import { describe, expect, test } from 'vitest';
import type { Writer } from '../cluster-manager/writer.ts';
import { createMembersScene, patient, signal } from './members-scene.ts';
import { createReplaceScene, succeeded } from './replace-scene.ts';
import { impatient, LIMIT_MS } from './written-scene.ts';

const NODE = 'node-3';

/** Takes all the room there is, again and again: an engine gives some back whenever it removes a file of its own. */
function keepFull(path: string): { release(): void } {
  const take = (): void => {
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
  };
  take();
  const again = setInterval(take, 20);
  return {
    release: () => {
      clearInterval(again);
      rmSync(path, { force: true });
    },
  };
}

describe.skipIf(missing('root') || missing('postgres') || missing('kubectl'))('a full disk', () => {
  test(
    'ApplyParameters and RenewPod are tried again, then stop and say so; when there is room, Resume finishes',
    async ({ skip }) => {
      let folder = '';
      let refusal = '';
      const scene = await createMembersScene('full', { followerNum: 2 }, impatient, (home) => {
        folder = join(home.dir, 'nodes', NODE, 'volumes');
        mkdirSync(folder, { recursive: true });
        const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=600m,mode=755', 'none', folder]);
        if (mounted.status !== 0) refusal = mounted.stderr.toString();
      });
      const replace = createReplaceScene(scene);
      const ballast = join(folder, 'ballast');
      let room = { release: () => {} };
      let writer: Writer | undefined;
      try {
        if (refusal !== '') skip(`no tmpfs can be mounted here: ${refusal}`);
        const entries = async () => Object.values((await scene.cluster()).status?.dbInstanceStatus ?? {});
        const full = (await entries()).find(({ nodeName }) => nodeName === NODE)?.insId ?? '';
        if ((await scene.leader()) === full) succeeded(await scene.operate('SwitchRw', {}));
        const starts = await replace.starts();
        // Whoever connects first writes a file: not when there is no room for it.
        for (const database of ['postgres', 'app']) await (await scene.session(full, database)).end();
        room = keepFull(ballast);
        const operation = await replace.next(
          'FlushParams',
          async () => await replace.change({ parameters: { work_mem: '7MB' } }),
        );
        expect(operation.status, JSON.stringify(operation.status)).toMatchObject({
          phase: 'Interrupted',
          error: { code: 'DiskFull', remedy: expect.stringMatching(/\S/) },
        });
        const step = operation.status?.steps?.find(({ state }) => state === 'Failed');
        expect(step?.name).toContain(`ApplyParameters-${full}`);
        expect(step?.attempts).toBeGreaterThan(1);
        room.release();
        succeeded(await scene.resume(operation));
        expect(new Set(Object.values(await replace.show('work_mem')))).toEqual(new Set(['7MB']));
        // An engine without room may end and come back by itself; the others are left alone.
        expect({ ...(await replace.starts()), [full]: undefined }).toEqual({ ...starts, [full]: undefined });

        // The end of the old pod is held until the disk is full: what fails is the new pod's engine, and nothing before.
        writer = await scene.writer();
        const pod = (await entries()).find(({ insId }) => insId === full)?.podName ?? '';
        const key = { namespace: 'default', name: pod };
        await scene.client.patch(Pods, key, { type: 'merge', body: { metadata: { finalizers: ['test/hold'] } } });
        const renewing = scene.operate('ModifyClass', { className: 'local.medium' });
        await waitFor(
          'the old pod to end',
          async () => (await scene.client.get(Pods, key)).metadata?.deletionTimestamp,
          { ...patient, intervalMs: 20 },
        );
        room = keepFull(ballast);
        await scene.client.patch(Pods, key, { type: 'merge', body: { metadata: { finalizers: null } } });
        const resized = await renewing;
        expect(resized.status, JSON.stringify(resized.status)).toMatchObject({
          phase: 'Interrupted',
          error: {
            code: expect.stringMatching(/^(DiskFull|EngineStartFailed)$/),
            message: expect.stringMatching(/no space left/i),
            remedy: expect.stringMatching(/\S/),
          },
        });
        const renewal = resized.status?.steps?.find(({ state }) => state === 'Failed');
        expect(renewal?.name).toBe(`RenewPod-${full}`);
        expect(renewal?.attempts).toBeGreaterThan(1);
        const [sentence] = (await scene.why()).split('\n');
        expect(sentence).toMatch(/^full: ModifyClass .* RenewPod\S* .*no space left.* what helps: .*\.$/i);
        await writer.progress(50, signal);
        room.release();
        succeeded(await scene.resume(resized));
        await scene.whole((await writer.stop()).rows);
      } finally {
        room.release();
        await writer?.stop();
        await scene.home.polarstack(['down']);
        spawnSync('umount', ['-l', folder]);
        await scene.close();
      }
    },
    LIMIT_MS,
  );
});

/** Restarts of a real cluster of three, while a client writes through the rw service and connects again. */
import { missing } from '@polarstack/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Writer } from '../cluster-manager/writer.ts';
import { createMembersScene, type MembersScene, signal } from './members-scene.ts';
import { createReplaceScene, type ReplaceScene, succeeded } from './replace-scene.ts';

const LIMIT_MS = 400_000;

describe.skipIf(missing('postgres') || missing('kubectl'))('restarts', () => {
  let scene: MembersScene;
  let replace: ReplaceScene;
  let writer: Writer;

  beforeAll(async () => {
    scene = await createMembersScene('again', { followerNum: 2 });
    replace = createReplaceScene(scene);
    writer = await scene.writer();
  }, LIMIT_MS);
  afterAll(async () => {
    await writer.stop();
    await scene.close();
  }, LIMIT_MS);

  const nothingLost = async (): Promise<void> => {
    await writer.progress(20, signal);
    const { rows } = await writer.stop();
    await scene.whole(rows);
    writer = await scene.writer();
  };
  /** Ids of the instances whose engines `act` restarted. */
  const restarted = async (act: () => Promise<unknown>): Promise<readonly string[]> => {
    const before = await replace.starts();
    await act();
    const after = await replace.starts();
    return (await scene.ids()).filter((id) => after[id] !== before[id]);
  };
  const aReplica = async (): Promise<string> => {
    const leader = await scene.leader();
    return (await scene.ids()).find((id) => id !== leader) ?? '';
  };

  test(
    'restartIns of an RO: that engine alone, and writes do not pause',
    async () => {
      const id = await aReplica();
      const ids = await restarted(async () => {
        const operation = await replace.next('RestartIns', async () => await scene.annotate({ restartIns: id }));
        expect(succeeded(operation).writePauseMs).toBeUndefined();
      });
      expect(ids).toEqual([id]);
      await nothingLost();
    },
    LIMIT_MS,
  );

  test(
    'restartIns of the RW: it stays the RW, and the pause is measured',
    async () => {
      const leader = await scene.leader();
      const ids = await restarted(async () => {
        const operation = await replace.next('RestartIns', async () => await scene.annotate({ restartIns: leader }));
        expect(succeeded(operation).writePauseMs).toBeGreaterThan(0);
      });
      expect(ids).toEqual([leader]);
      expect(await scene.leader()).toBe(leader);
      await nothingLost();
    },
    LIMIT_MS,
  );

  test(
    'restartCluster: every engine once, ROs first, then a switch',
    async () => {
      const leader = await scene.leader();
      const ids = await restarted(async () => {
        const operation = await replace.next(
          'RestartCluster',
          async () => await scene.annotate({ restartCluster: 'true' }),
        );
        expect(succeeded(operation).writePauseMs).toBeGreaterThan(0);
      });
      expect(ids).toEqual(await scene.ids());
      expect(await scene.leader()).not.toBe(leader);
      await nothingLost();
    },
    LIMIT_MS,
  );

  test(
    'mode all: every engine at once, and the RW stays',
    async () => {
      const leader = await scene.leader();
      const ids = await restarted(async () => {
        expect(succeeded(await scene.operate('RestartCluster', { mode: 'all' })).writePauseMs).toBeGreaterThan(0);
      });
      expect(ids).toEqual(await scene.ids());
      expect(await scene.leader()).toBe(leader);
      await nothingLost();
    },
    LIMIT_MS,
  );

  test(
    'the API and the operator are gone in the middle: writes go on, and the operation is finished when they are back',
    async () => {
      const leader = await scene.leader();
      const before = await scene.count('RestartCluster');
      const ids = await restarted(async () => {
        await scene.annotate({ restartCluster: 'true' });
        // At the first restart that shows: one engine is younger than it was.
        const starts = await replace.starts();
        await expect
          .poll(async () => JSON.stringify(await replace.starts().catch(() => starts)), {
            timeout: 60_000,
            interval: 50,
          })
          .not.toBe(JSON.stringify(starts));
        process.kill(scene.home.controlPid(), 'SIGKILL');
        await writer.progress(500, signal);
        await scene.home.polarstackOk(['up', '--no-demo'], { timeoutMs: 300_000 });
        succeeded(await scene.ended('RestartCluster', before));
      });
      expect(ids).toEqual(await scene.ids());
      expect(await scene.leader()).not.toBe(leader);
      await nothingLost();
    },
    LIMIT_MS,
  );
});

/** Switches of the RW and restarts of a real cluster of three, while a client writes through the rw service and connects again. */
import { missing } from '@polarstack/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { signal } from './members-scene.ts';
import { stepNames, succeeded } from './replace-scene.ts';
import { createWrittenScene, LIMIT_MS, type WrittenScene } from './written-scene.ts';

describe.skipIf(missing('postgres') || missing('kubectl'))('switches and restarts', () => {
  let scene: WrittenScene;

  beforeAll(async () => {
    scene = await createWrittenScene('again', { followerNum: 2 });
  }, LIMIT_MS);
  afterAll(async () => {
    await scene?.close();
  }, LIMIT_MS);

  /** Ids of the instances whose engines `act` restarted. */
  const restarted = async (act: () => Promise<unknown>): Promise<readonly string[]> => {
    const before = await scene.starts();
    await act();
    const after = await scene.starts();
    return (await scene.ids()).filter((id) => after[id] !== before[id]);
  };
  const replicas = async (): Promise<readonly string[]> => {
    const leader = await scene.leader();
    return (await scene.ids()).filter((id) => id !== leader);
  };

  test(
    'annotation switchRw: the named RO becomes the RW; the pause is in the status',
    async () => {
      const [, target = ''] = await replicas();
      const operation = await scene.next('SwitchRw', async () => await scene.annotate({ switchRw: target }));
      expect(succeeded(operation).writePauseMs).toBeGreaterThan(0);
      expect(stepNames(operation)).toEqual(operation.status?.plan?.map(({ step }) => step));
      expect(await scene.leader()).toBe(target);
      await scene.nothingLost();
    },
    LIMIT_MS,
  );

  test(
    'without a name the best RO; the RW itself is nothing to do; an unknown one is refused',
    async () => {
      const leader = await scene.leader();
      succeeded(await scene.operate('SwitchRw', {}));
      const now = await scene.leader();
      expect(now).not.toBe(leader);
      const { status } = await scene.operate('SwitchRw', { instance: now });
      expect(status).toMatchObject({ phase: 'Succeeded', message: expect.stringContaining('is the RW already') });
      expect(status?.steps).toBeUndefined();
      expect((await scene.operate('SwitchRw', { instance: '77' })).status).toMatchObject({
        phase: 'Failed',
        error: { code: 'InstanceUnknown' },
      });
      await scene.nothingLost();
    },
    LIMIT_MS,
  );

  test(
    'an RO that is far behind is refused with how far',
    async () => {
      const [target = ''] = await replicas();
      const leader = await scene.leader();
      await scene.sql(target, 'select pg_wal_replay_pause()');
      try {
        await scene.sql(leader, 'create table bulk as select md5(random()::text) from generate_series(1, 600000) n');
        const { status } = await scene.operate('SwitchRw', { instance: target });
        expect(status).toMatchObject({ phase: 'Failed', error: { code: 'NoSwitchTarget' } });
        expect(status?.message).toMatch(new RegExp(`${target}.* is \\d+ bytes behind the RW`));
        expect(status?.steps).toBeUndefined();
        expect(await scene.leader()).toBe(leader);
      } finally {
        await scene.sql(target, 'select pg_wal_replay_resume()');
      }
      await scene.nothingLost();
    },
    LIMIT_MS,
  );

  test(
    'restartIns of an RO: that engine alone, and writes do not pause',
    async () => {
      const [id = ''] = await replicas();
      const ids = await restarted(async () => {
        const operation = await scene.next('RestartIns', async () => await scene.annotate({ restartIns: id }));
        expect(succeeded(operation).writePauseMs).toBeUndefined();
      });
      expect(ids).toEqual([id]);
      await scene.nothingLost();
    },
    LIMIT_MS,
  );

  test(
    'restartIns of the RW: it stays the RW, and the pause is measured',
    async () => {
      const leader = await scene.leader();
      const ids = await restarted(async () => {
        const operation = await scene.next('RestartIns', async () => await scene.annotate({ restartIns: leader }));
        expect(succeeded(operation).writePauseMs).toBeGreaterThan(0);
      });
      expect(ids).toEqual([leader]);
      expect(await scene.leader()).toBe(leader);
      await scene.nothingLost();
    },
    LIMIT_MS,
  );

  test(
    'restartCluster: every engine once, ROs first, then a switch',
    async () => {
      const leader = await scene.leader();
      const ids = await restarted(async () => {
        const operation = await scene.next(
          'RestartCluster',
          async () => await scene.annotate({ restartCluster: 'true' }),
        );
        expect(succeeded(operation).writePauseMs).toBeGreaterThan(0);
      });
      expect(ids).toEqual(await scene.ids());
      expect(await scene.leader()).not.toBe(leader);
      await scene.nothingLost();
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
      await scene.nothingLost();
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
        const starts = await scene.starts();
        await expect
          .poll(async () => JSON.stringify(await scene.starts().catch(() => starts)), {
            timeout: 60_000,
            interval: 50,
          })
          .not.toBe(JSON.stringify(starts));
        process.kill(scene.home.controlPid(), 'SIGKILL');
        await scene.writer.progress(500, signal);
        await scene.home.polarstackOk(['up', '--no-demo'], { timeoutMs: 300_000 });
        succeeded(await scene.ended('RestartCluster', before));
      });
      expect(ids).toEqual(await scene.ids());
      expect(await scene.leader()).not.toBe(leader);
      await scene.nothingLost();
    },
    LIMIT_MS,
  );
});

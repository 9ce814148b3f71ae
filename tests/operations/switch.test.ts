/** Switches of the RW asked for as operations, while a client writes through the rw service and connects again. */
import { missing } from '@polarstack/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Writer } from '../cluster-manager/writer.ts';
import { createMembersScene, type MembersScene, signal } from './members-scene.ts';
import { createReplaceScene, type ReplaceScene, stepNames, succeeded } from './replace-scene.ts';

const LIMIT_MS = 400_000;

describe.skipIf(missing('postgres') || missing('kubectl'))('switching the RW', () => {
  let scene: MembersScene;
  let replace: ReplaceScene;
  let writer: Writer;

  beforeAll(async () => {
    scene = await createMembersScene('switching', { followerNum: 2 });
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
  const replicas = async (): Promise<readonly string[]> => {
    const leader = await scene.leader();
    return (await scene.ids()).filter((id) => id !== leader);
  };

  test(
    'annotation switchRw: the named RO becomes the RW; the pause is in the status',
    async () => {
      const [, target = ''] = await replicas();
      const operation = await replace.next('SwitchRw', async () => await scene.annotate({ switchRw: target }));
      expect(succeeded(operation).writePauseMs).toBeGreaterThan(0);
      expect(stepNames(operation)).toEqual(operation.status?.plan?.map(({ step }) => step));
      expect(await scene.leader()).toBe(target);
      await nothingLost();
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
      await nothingLost();
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
      await nothingLost();
    },
    LIMIT_MS,
  );
});

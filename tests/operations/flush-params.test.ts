/** Parameters of a real cluster of three, changed while a client writes through the rw service and connects again. */
import { missing } from '@polarstack/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Writer } from '../cluster-manager/writer.ts';
import { createMembersScene, type MembersScene, signal } from './members-scene.ts';
import { createReplaceScene, type ReplaceScene, stepNames, succeeded } from './replace-scene.ts';

const LIMIT_MS = 400_000;

describe.skipIf(missing('postgres') || missing('kubectl'))('flushing parameters', () => {
  let scene: MembersScene;
  let replace: ReplaceScene;
  let writer: Writer;

  beforeAll(async () => {
    scene = await createMembersScene('flush', { followerNum: 2 });
    replace = createReplaceScene(scene);
    writer = await scene.writer();
  }, LIMIT_MS);
  afterAll(async () => {
    await writer.stop();
    await scene.close();
  }, LIMIT_MS);

  /** Every row that was acknowledged until now is on every instance. */
  const nothingLost = async (): Promise<void> => {
    await writer.progress(20, signal);
    const { rows } = await writer.stop();
    await scene.whole(rows);
    writer = await scene.writer();
  };
  const everywhere = async (parameter: string, value: string): Promise<void> => {
    const shown = await replace.show(parameter);
    expect(new Set(Object.values(shown)), `${parameter}: ${JSON.stringify(shown)}`).toEqual(new Set([value]));
  };
  const unharmed = async (act: () => Promise<void>): Promise<void> => {
    const [starts, files, leader] = [await replace.starts(), await replace.onDisk(), await scene.leader()];
    await act();
    expect([await replace.starts(), await replace.onDisk(), await scene.leader()]).toEqual([starts, files, leader]);
  };

  test(
    'PC3: an edit of <c>-user-params and the annotation: what can be reloaded restarts nothing',
    async () => {
      const starts = await replace.starts();
      succeeded(await replace.next('FlushParams', async () => await replace.editParameter('work_mem', '8192')));
      await everywhere('work_mem', '8MB');
      expect(await replace.starts()).toEqual(starts);
      await nothingLost();
    },
    LIMIT_MS,
  );

  test(
    'spec.parameters: what needs a restart goes to the ROs first, and a switch restarts the old RW',
    async () => {
      const [leader, starts] = [await scene.leader(), await replace.starts()];
      const parameters = { shared_buffers: '48MB', max_connections: '150' };
      const operation = await replace.next('FlushParams', async () => await replace.change({ parameters }));
      const { writePauseMs } = succeeded(operation);
      expect(writePauseMs).toBeGreaterThan(0);
      await everywhere('shared_buffers', '48MB');
      await everywhere('max_connections', '150');
      expect(await scene.leader()).not.toBe(leader);
      const after = await replace.starts();
      for (const id of await scene.ids()) expect(after[id]).not.toBe(starts[id]);
      await nothingLost();
    },
    LIMIT_MS,
  );

  test(
    'values that mean the same are recorded, and nothing else',
    async () =>
      await unharmed(async () => {
        const parameters = { shared_buffers: '49152kB' };
        const operation = await replace.next('FlushParams', async () => await replace.change({ parameters }));
        succeeded(operation);
        expect(stepNames(operation)).toEqual(['RecordParameters', 'UpdateRunningStatus']);
      }),
    LIMIT_MS,
  );

  test(
    'PC2: one standby-sensitive value down and another up at once: no replay stops, every instance has both',
    async () => {
      const parameters = { max_connections: '60', max_worker_processes: '24' };
      succeeded(await replace.next('FlushParams', async () => await replace.change({ parameters })));
      await everywhere('max_connections', '60');
      await everywhere('max_worker_processes', '24');
      await nothingLost();
    },
    LIMIT_MS,
  );

  test(
    'PC1: a value that the template refuses is refused before anything was changed, and never reaches a disk',
    async () =>
      await unharmed(async () => {
        const { status } = await replace.next('FlushParams', async () => await replace.editParameter('work_mem', '1'));
        expect(status).toMatchObject({ phase: 'Failed', error: { code: 'ParameterInvalid' } });
        expect(status?.message).toContain('work_mem');
        expect(status?.steps).toBeUndefined();
        succeeded(await replace.next('FlushParams', async () => await replace.editParameter('work_mem', '8192')));
      }),
    LIMIT_MS,
  );

  test.each([
    ['timezone', 'Mars/Olympus', 'TimeZone'],
    ['shared_preload_libraries', 'nosuch', 'could not access file'],
  ])(
    '%s = %s: the template allows it, the engine does not: interrupted with nothing changed',
    async (parameter, value, told) =>
      await unharmed(async () => {
        const operation = await replace.next(
          'FlushParams',
          async () => await replace.change({ parameters: { [parameter]: value } }),
        );
        expect(operation.status).toMatchObject({ phase: 'Interrupted', error: { code: 'InvalidParameter' } });
        expect(operation.status?.error?.message).toContain(told);
        expect(operation.status?.error?.remedy).toMatch(/\S/);
        await replace.cancel(operation);
        await replace.change({ parameters: { [parameter]: null } });
        for (const file of await replace.onDisk()) expect(file).not.toContain(value);
      }),
    LIMIT_MS,
  );

  test(
    'parameters of an extension come with its library, and go when nobody asks for them any more',
    async () => {
      const extension = { shared_preload_libraries: 'pg_stat_statements', 'pg_stat_statements.max': '200' };
      succeeded(await replace.next('FlushParams', async () => await replace.change({ parameters: extension })));
      await everywhere('pg_stat_statements.max', '200');
      await nothingLost();
      const gone = { shared_preload_libraries: null, 'pg_stat_statements.max': null, shared_buffers: null };
      succeeded(await replace.next('FlushParams', async () => await replace.change({ parameters: gone })));
      await everywhere('shared_preload_libraries', '');
      await everywhere('shared_buffers', '32MB');
      await everywhere('max_connections', '60');
      await nothingLost();
    },
    LIMIT_MS,
  );
});

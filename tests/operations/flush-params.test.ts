/** Parameters of a real cluster of three, changed while a client writes through the rw service and connects again. */
import { missing } from '@polarstack/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { stepNames, succeeded } from './replace-scene.ts';
import { createWrittenScene, LIMIT_MS, type WrittenScene } from './written-scene.ts';

describe.skipIf(missing('postgres') || missing('kubectl'))('flushing parameters', () => {
  let scene: WrittenScene;

  beforeAll(async () => {
    scene = await createWrittenScene('flush', { followerNum: 2 });
  }, LIMIT_MS);
  afterAll(async () => {
    await scene?.close();
  }, LIMIT_MS);

  const everywhere = async (parameter: string, value: string): Promise<void> => {
    const shown = await scene.show(parameter);
    expect(new Set(Object.values(shown)), `${parameter}: ${JSON.stringify(shown)}`).toEqual(new Set([value]));
  };
  const unharmed = async (act: () => Promise<void>): Promise<void> => {
    const [starts, files, leader] = [await scene.starts(), await scene.onDisk(), await scene.leader()];
    await act();
    expect([await scene.starts(), await scene.onDisk(), await scene.leader()]).toEqual([starts, files, leader]);
  };

  test(
    'PC3: an edit of <c>-user-params and the annotation: what can be reloaded restarts nothing',
    async () => {
      const starts = await scene.starts();
      succeeded(await scene.next('FlushParams', async () => await scene.editParameter('work_mem', '8192')));
      await everywhere('work_mem', '8MB');
      expect(await scene.starts()).toEqual(starts);
      await scene.nothingLost();
    },
    LIMIT_MS,
  );

  test(
    'spec.parameters: what needs a restart goes to the ROs first, and a switch restarts the old RW',
    async () => {
      const [leader, starts] = [await scene.leader(), await scene.starts()];
      const parameters = { shared_buffers: '48MB', max_connections: '150' };
      const operation = await scene.next('FlushParams', async () => await scene.change({ parameters }));
      const { writePauseMs } = succeeded(operation);
      expect(writePauseMs).toBeGreaterThan(0);
      await everywhere('shared_buffers', '48MB');
      await everywhere('max_connections', '150');
      expect(await scene.leader()).not.toBe(leader);
      const after = await scene.starts();
      for (const id of await scene.ids()) expect(after[id]).not.toBe(starts[id]);
      await scene.nothingLost();
    },
    LIMIT_MS,
  );

  test(
    'values that mean the same are recorded, and nothing else',
    async () =>
      await unharmed(async () => {
        const parameters = { shared_buffers: '49152kB' };
        const operation = await scene.next('FlushParams', async () => await scene.change({ parameters }));
        succeeded(operation);
        expect(stepNames(operation)).toEqual(['RecordParameters', 'UpdateRunningStatus']);
      }),
    LIMIT_MS,
  );

  test(
    'PC2: one standby-sensitive value down and another up at once: no replay stops, every instance has both',
    async () => {
      const parameters = { max_connections: '60', max_worker_processes: '24' };
      succeeded(await scene.next('FlushParams', async () => await scene.change({ parameters })));
      await everywhere('max_connections', '60');
      await everywhere('max_worker_processes', '24');
      await scene.nothingLost();
    },
    LIMIT_MS,
  );

  test(
    'PC1: a value that the template refuses is refused before anything was changed, and never reaches a disk',
    async () =>
      await unharmed(async () => {
        const { status } = await scene.next('FlushParams', async () => await scene.editParameter('work_mem', '1'));
        expect(status).toMatchObject({ phase: 'Failed', error: { code: 'ParameterInvalid' } });
        expect(status?.message).toContain('work_mem');
        expect(status?.steps).toBeUndefined();
        succeeded(await scene.next('FlushParams', async () => await scene.editParameter('work_mem', '8192')));
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
        const operation = await scene.next(
          'FlushParams',
          async () => await scene.change({ parameters: { [parameter]: value } }),
        );
        expect(operation.status).toMatchObject({ phase: 'Interrupted', error: { code: 'InvalidParameter' } });
        expect(operation.status?.error?.message).toContain(told);
        expect(operation.status?.error?.remedy).toMatch(/\S/);
        await scene.cancel(operation);
        await scene.change({ parameters: { [parameter]: null } });
        for (const file of await scene.onDisk()) expect(file).not.toContain(value);
      }),
    LIMIT_MS,
  );

  test(
    'parameters of an extension come with its library, and go when nobody asks for them any more',
    async () => {
      const extension = { shared_preload_libraries: 'pg_stat_statements', 'pg_stat_statements.max': '200' };
      succeeded(await scene.next('FlushParams', async () => await scene.change({ parameters: extension })));
      await everywhere('pg_stat_statements.max', '200');
      await scene.nothingLost();
      const gone = { shared_preload_libraries: null, 'pg_stat_statements.max': null, shared_buffers: null };
      succeeded(await scene.next('FlushParams', async () => await scene.change({ parameters: gone })));
      await everywhere('shared_preload_libraries', '');
      await everywhere('shared_buffers', '32MB');
      await everywhere('max_connections', '60');
      await scene.nothingLost();
    },
    LIMIT_MS,
  );
});

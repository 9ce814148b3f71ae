import { isStackError } from '@polarstack/base';
import { describe, expect, it } from 'vitest';
import type { ObjectStore } from './object-store.ts';
import { createFakeDisk, type FakeDisk } from './testing/fake-disk.ts';
import {
  dir,
  type Life,
  live,
  type Model,
  newWatcher,
  openOn,
  reopen,
  type Step,
  useAndClose,
} from './testing/lives.ts';
import { seededRandom } from './testing/random.ts';

/** Enough to make several logs and snapshots at the sizes that `lives.ts` opens with, batches of one and of many. */
const script: readonly Step[] = Array.from({ length: 72 }, (_, index): Step => {
  const key = `/k/${index % 7}`;
  if (index % 6 === 5) return { do: 'wait' };
  if (index % 4 === 2) return { do: 'turn' };
  return index % 11 === 10 ? { do: 'delete', key } : { do: 'put', key, size: (index * 37) % 120 };
});

/** What becomes of unsynced data: all of it is lost, all of it was stored, or anything between. */
const fates = [() => 0.999, () => 0.3, seededRandom(1), seededRandom(2), seededRandom(3), seededRandom(4)];

/** From an empty disk to the end of the script, or to the crash. */
async function firstLife(disk: FakeDisk): Promise<Life> {
  const watcher = newWatcher();
  const opening = openOn(disk);
  const store = await Promise.race([opening.catch(() => undefined), disk.whenCrashed]);
  if (!store) return { possible: [new Map()], watcher };
  store.subscribe('', 0, ({ revision, type, key, object }) => {
    watcher.revision = revision;
    if (type === 'DELETED') watcher.believes.delete(key);
    else watcher.believes.set(key, object.value as string);
  });
  const life = await live(disk, store, watcher, script);
  await Promise.race([store.close(), disk.whenCrashed]);
  return life;
}

const copyOf = (life: Life): Life => ({
  possible: life.possible,
  watcher: { revision: life.watcher.revision, believes: new Map(life.watcher.believes) },
});

describe('a kill or a loss of power', () => {
  it('S1-S5: at every operation of a life with several logs and snapshots', async () => {
    const whole = createFakeDisk(seededRandom(7));
    const end = await firstLife(whole);
    expect(end.possible).toHaveLength(1);
    expect([...whole.contents().keys()].some((path) => path.startsWith(`${dir}/snapshot-`))).toBe(true);
    let recovered = 0;
    for (let point = 1; point <= whole.operations; point++) {
      const disk = createFakeDisk(seededRandom(7));
      disk.crashAt(point);
      const life = await firstLife(disk);
      expect(disk.crashed).toBe(true);
      for (const survivor of [disk.afterKill(), ...fates.map((fate) => disk.afterPowerLoss(fate))]) {
        const known = copyOf(life);
        const store = await reopen(survivor, known);
        await useAndClose(survivor, store, known.watcher);
        recovered++;
      }
    }
    expect(recovered).toBe(whole.operations * (fates.length + 1));
  });

  it('S1-S5: again at every operation of the opening that follows one', async () => {
    const disk = createFakeDisk(seededRandom(8));
    disk.crashAt(120);
    const life = await firstLife(disk);
    for (const fate of [seededRandom(11), seededRandom(12), seededRandom(13), seededRandom(14)]) {
      for (let point = 1; ; point++) {
        const second = disk.afterPowerLoss(fate);
        second.crashAt(point);
        const known = copyOf(life);
        const opened = await Promise.race([openOn(second), second.whenCrashed]);
        if (opened) break;
        const third = second.afterPowerLoss(fate);
        await useAndClose(third, await reopen(third, known), known.watcher);
      }
    }
  });

  it('S1-S5: after every operation failed once, and the script went on', async () => {
    const whole = createFakeDisk(seededRandom(7));
    await firstLife(whole);
    for (let point = 3; point <= whole.operations; point++) {
      for (const later of [1, 2, 4, 9, 25, 1000]) {
        const disk = createFakeDisk(seededRandom(7));
        disk.crashAt(point + later);
        disk.failWith(() => (disk.operations === point ? 'EIO' : undefined));
        const life = await firstLife(disk);
        for (const survivor of [disk.afterKill(), ...fates.slice(0, 3).map((fate) => disk.afterPowerLoss(fate))]) {
          const known = copyOf(life);
          await useAndClose(survivor, await reopen(survivor, known), known.watcher);
        }
      }
    }
  });

  it('S5: a disk that fails at any operation of an opening stops it with a code, and costs nothing', async () => {
    const disk = createFakeDisk(seededRandom(8));
    disk.crashAt(120);
    const life = await firstLife(disk);
    for (let point = 1; ; point++) {
      const failing = disk.afterPowerLoss(seededRandom(point));
      let failed = false;
      failing.failWith(() => {
        failed ||= failing.operations === point;
        return failing.operations === point ? 'EIO' : undefined;
      });
      const opened = await openOn(failing).catch((error: unknown) => error);
      if (!failed) break;
      failing.failWith(() => undefined);
      if (isStackError(opened)) expect(opened.code).toBe('StateWriteFailed');
      else await (opened as ObjectStore).close();
      const known = copyOf(life);
      await useAndClose(failing, await reopen(failing, known), known.watcher);
    }
  });

  it('keeps the cut bytes of a torn record in a side file', async () => {
    const disk = createFakeDisk(seededRandom(9));
    const store = await openOn(disk);
    await live(disk, store, newWatcher(), [{ do: 'put', key: '/a', size: 10 }]);
    const log = `${dir}/log-0000000001`;
    const length = (disk.contents().get(log) as Buffer).length;
    disk.damage(log, (bytes) => Buffer.concat([bytes, Buffer.from('torn')]));
    const again: Model = new Map((await openOn(disk)).list('').map(({ key, object }) => [key, String(object.value)]));
    expect(again.size).toBe(1);
    expect(disk.contents().get(`${dir}/cut-log-0000000001-${length}`)?.toString()).toBe('torn');
    expect((disk.contents().get(log) as Buffer).length).toBe(length);
  });
});

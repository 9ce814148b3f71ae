import { isStackError, silentLogger } from '@polarstack/base';
import { describe, expect, it } from 'vitest';
import type { ObjectStore } from '../store/object-store.ts';
import { openObjectStore } from '../store/open-object-store.ts';
import { createFakeDisk, type FakeDisk } from '../store/testing/fake-disk.ts';
import { seededRandom } from '../store/testing/random.ts';
import { inspect } from './inspect.ts';
import { repair } from './repair.ts';

const lock = async () => ({ release: async () => {} });
const open = (on: FakeDisk, dir: string, snapshotBytes = 1500) =>
  openObjectStore({ dir, logger: silentLogger, snapshotBytes, files: on.files, lock });
const stateOf = (store: ObjectStore) => store.list('').map(({ key, object }) => [key, object.value]);

async function wellUsed(random: () => number): Promise<{ disk: FakeDisk; state: unknown }> {
  const disk = createFakeDisk(random);
  for (let opening = 0; opening < 3; opening++) {
    const store = await open(disk, '/api');
    for (let round = 0; round < 15; round++) {
      const writes = Array.from({ length: 1 + (round % 3) }, (_, number) => {
        const key = `/k/${(round * 3 + number) % 9}`;
        return store.transact(key, (current) =>
          current && (round + number) % 5 === 4
            ? { type: 'delete', object: current }
            : { type: 'put', object: { metadata: {}, value: `${opening}.${round}.${number}${'x'.repeat(60)}` } },
        );
      });
      await Promise.all(writes);
    }
    await store.close();
  }
  const whole = await open(disk.afterKill(), '/api', 1e9);
  return { disk: disk.afterPowerLoss(() => 0.3), state: stateOf(whole) };
}

describe('repair of anything', () => {
  it('ends with a copy that opens, or a code; and what it calls complete is complete', async () => {
    const seed = Number(process.env.STORE_REPAIR_SEED ?? Math.floor(Math.random() * 1e6));
    console.log(`seed of the damage: ${seed} (repeat with STORE_REPAIR_SEED=${seed})`);
    const random = seededRandom(seed);
    const { disk, state } = await wellUsed(random);
    const below = (limit: number) => Math.floor(random() * limit);
    const mutations: ((bytes: Buffer) => Buffer)[] = [
      (bytes) => bytes.fill(below(256), below(bytes.length), below(bytes.length)),
      (bytes) => bytes.subarray(0, below(bytes.length)),
      (bytes) => bytes.subarray(below(bytes.length)),
      (bytes) => Buffer.concat([bytes, bytes.subarray(below(bytes.length))]),
      () => Buffer.alloc(0),
    ];
    const paths = [...disk.contents().keys()].filter((path) => /\/(log|snapshot)-\d+$/.test(path));
    const newest = paths
      .filter((path) => path.includes('/log-'))
      .sort()
      .at(-1);
    let complete = 0;
    let losses = 0;
    for (let run = 0; run < 300; run++) {
      const damaged = disk.afterKill();
      const hit = Array.from({ length: 1 + below(2) }, () => paths[below(paths.length)] as string);
      for (const path of hit) damaged.damage(path, mutations[below(mutations.length)] as (bytes: Buffer) => Buffer);
      if (random() < 0.1) await damaged.files.remove(hit[0] as string);
      const before = new Map(damaged.contents());
      const inspection = await inspect('/api', { files: damaged.files, lock });
      const report = await repair('/api', { to: '/copy', files: damaged.files, lock }).catch((error: unknown) => error);
      for (const [path, bytes] of before) expect(damaged.contents().get(path)?.equals(bytes)).toBe(true);
      if (isStackError(report)) continue;
      if (report instanceof Error) throw report;
      const repaired = await open(damaged, '/copy', 1e9);
      // The end of the newest log is like a torn write: nobody can tell what stood there.
      const isTail = hit.includes(newest as string);
      if ((report as { complete: boolean }).complete && !isTail) {
        expect(stateOf(repaired), `damage to ${hit.join()}`).toEqual(state);
        complete++;
      } else losses++;
      if (inspection.problems.every(({ severity }) => severity === 'notice') && !isTail) {
        expect(stateOf(repaired)).toEqual(state);
      }
    }
    expect(complete).toBeGreaterThan(5);
    expect(losses).toBeGreaterThan(5);
  });
});

import { writeSync } from 'node:fs';
import { isStackError, silentLogger } from '@polarstack/base';
import type { StoreEvent } from '../object-store.ts';
import { openObjectStore } from '../open-object-store.ts';
import { seededRandom } from './random.ts';

/**
 * Writes under load until it is killed, and says on standard output, a line each, what clients and watchers learn:
 * `G` history is gone, a list follows; `L key id revision` of it; `E type key id revision` an event; `A key id revision`
 * an acknowledgement (`-` for the id of a deletion).
 */
async function main(dir: string, seed: number, from: number): Promise<void> {
  const say = (...words: readonly (string | number)[]) => writeSync(1, `${words.join(' ')}\n`);
  const store = await openObjectStore({
    dir,
    logger: silentLogger,
    snapshotBytes: 100_000,
    historyLimit: { events: 5000, bytes: 1 << 24 },
  });
  const hear = ({ type, key, object, revision }: StoreEvent) => say('E', type, key, String(object.id), revision);
  try {
    store.subscribe('', from, hear);
  } catch (error) {
    if (!isStackError(error, 'Gone')) throw error;
    say('G', store.revision);
    for (const { key, object } of store.list('')) say('L', key, String(object.id), object.metadata.resourceVersion);
    store.subscribe('', store.revision, hear);
  }
  const random = seededRandom(seed);
  const client = async (number: number) => {
    for (let count = 0; ; count++) {
      const key = `/k/${Math.floor(random() * 200)}`;
      const id = `${seed}.${number}.${count}`;
      const remove = random() < 0.2;
      const pad = 'x'.repeat(Math.floor(random() * 2000));
      let written: string | undefined;
      const object = await store.transact(key, (current) => {
        if (remove && !current) return { type: 'keep' };
        written = remove ? '-' : id;
        if (remove) return { type: 'delete', object: current as object as Readonly<Record<string, unknown>> };
        return { type: 'put', object: { apiVersion: 'v1', kind: 'Thing', metadata: { name: key }, id, pad } };
      });
      if (written) say('A', key, written, String(object?.metadata.resourceVersion));
    }
  };
  await Promise.all(Array.from({ length: 32 }, (_, number) => client(number)));
}

const [dir, seed, from] = process.argv.slice(2);
await main(String(dir), Number(seed), Number(from));

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '@polarstack/base';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openObjectStore } from './open-object-store.ts';
import { seededRandom } from './testing/random.ts';

const rounds = 30;
let folder: string;
let program: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'store-kill-'));
  program = join(folder, 'child.mjs');
  await build({
    entryPoints: [join(import.meta.dirname, 'testing/crash-child.ts')],
    outfile: program,
    bundle: true,
    platform: 'node',
    format: 'esm',
    banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
  });
});

afterAll(() => rm(folder, { recursive: true }));

/** Runs the child until it has said `lines` lines, kills it, and returns what it said until it was dead. */
async function killAfter(lines: number, dir: string, seed: number, from: number): Promise<string[]> {
  const child = spawn(process.execPath, [program, dir, String(seed), String(from)], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  let errors = '';
  let seen = 0;
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString();
    for (const byte of chunk) if (byte === 10) seen++;
    if (seen >= lines) child.kill('SIGKILL');
  });
  child.stderr.on('data', (chunk: Buffer) => {
    errors += chunk.toString();
  });
  const [code, signal] = (await once(child, 'close')) as [number | null, string | null];
  expect(errors).toBe('');
  expect([code, signal]).toEqual([null, 'SIGKILL']);
  // The last line may have been cut by the kill: its end was never said.
  return output.slice(0, output.lastIndexOf('\n')).split('\n');
}

interface Known {
  readonly id: string;
  readonly revision: number;
}

/** What clients and a watcher know over all lives. */
function createWitness() {
  const believes = new Map<string, Known>();
  const acknowledged = new Map<string, Known>();
  const said = new Map<number, string>();
  let revision = 0;
  let gone = 0;
  const hear = (line: string) => {
    const [what, ...rest] = line.split(' ') as [string, ...string[]];
    if (what === 'G') {
      gone++;
      believes.clear();
      expect(Number(rest[0]), 'S3').toBeGreaterThan(revision);
      revision = Number(rest[0]);
      return;
    }
    const [key, id, at] = (what === 'E' ? rest.slice(1) : rest) as [string, string, string];
    if (what === 'L') believes.set(key, { id, revision: Number(at) });
    else if (what === 'A') {
      acknowledged.set(key, { id, revision: Number(at) });
      expect(revision, 'S1: watchers are told before the writer').toBeGreaterThanOrEqual(Number(at));
    } else {
      expect(Number(at), 'S4: in order, never twice').toBeGreaterThan(revision);
      expect(said.get(Number(at)) ?? line, 'S3: a revision means one thing').toBe(line);
      said.set(Number(at), line);
      revision = Number(at);
      if (rest[0] === 'DELETED') believes.delete(key);
      else believes.set(key, { id, revision });
    }
  };
  return {
    believes,
    acknowledged,
    hear,
    get revision() {
      return revision;
    },
    get gone() {
      return gone;
    },
  };
}

describe('a store whose process is killed', () => {
  it(`S1-S5: keeps all that was acknowledged, over ${rounds} kills at random moments under load`, async () => {
    const seed = Number(process.env.STORE_KILL_SEED ?? Math.floor(Math.random() * 1e6));
    console.log(`seed of the kills: ${seed} (repeat with STORE_KILL_SEED=${seed})`);
    const random = seededRandom(seed);
    const dir = join(folder, 'state');
    const witness = createWitness();
    for (let round = 0; round < rounds; round++) {
      const lines = Math.floor(random() ** 2 * 4000);
      for (const line of await killAfter(lines, dir, seed + round, witness.revision)) if (line) witness.hear(line);

      // Opening at once also shows that the lock died with the process.
      const store = await openObjectStore({ dir, logger: silentLogger, snapshotBytes: 100_000 });
      expect(store.revision).toBeGreaterThanOrEqual(witness.revision);
      for (const [key, { id, revision }] of witness.acknowledged) {
        const object = store.get(key);
        const at = Number(object?.metadata.resourceVersion ?? Number.POSITIVE_INFINITY);
        expect(at, `${key}: acknowledged at ${revision}`).toBeGreaterThanOrEqual(id === '-' ? revision + 1 : revision);
        if (at === revision) expect(object?.id).toBe(id);
      }
      // What the watcher was told is what is there, but for what was stored after its last event.
      for (const [key, { id, revision }] of witness.believes) {
        const object = store.get(key);
        if (Number(object?.metadata.resourceVersion) <= witness.revision) {
          expect([object?.id, Number(object?.metadata.resourceVersion)]).toEqual([id, revision]);
        }
      }
      for (const { key, object } of store.list('')) {
        if (Number(object.metadata.resourceVersion) <= witness.revision) expect(witness.believes.has(key)).toBe(true);
      }
      await store.close();
    }
    expect(witness.acknowledged.size).toBeGreaterThan(100);
    expect(witness.revision).toBeGreaterThan(rounds * 10);
    console.log(`${witness.revision} revisions seen, ${witness.gone} times too late for the history`);
  });
});

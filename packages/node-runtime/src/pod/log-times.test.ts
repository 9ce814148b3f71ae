import { appendFile, mkdtemp, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Clock, silentLogger } from '@polarstack/base';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createLogKeeper } from './log-keeper.ts';
import { createStamper, stamp } from './log-stamps.ts';
import { appendNote, type LogNote, loadNotes, saveNotes, thinned, timeAt } from './log-times.ts';

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'log-times-'));
  path = join(folder, '0.log');
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

const growing = fc
  .array(fc.record({ after: fc.nat(5_000), more: fc.integer({ min: 1, max: 500 }) }), { maxLength: 60 })
  .map((steps) => {
    const notes: LogNote[] = [];
    for (const { after, more } of steps) {
      const last = notes.at(-1) ?? { atMs: 1_000, size: 0 };
      notes.push({ atMs: last.atMs + after, size: last.size + more });
    }
    return notes;
  });

describe('the times of a log', () => {
  it('are those of the first look that saw a byte', () => {
    fc.assert(
      fc.property(growing, fc.nat(35_000), (notes, offset) => {
        expect(timeAt(notes, offset)).toBe(notes.find(({ size }) => size > offset)?.atMs);
      }),
    );
  });

  it('stay few and in order when they are thinned (T2, T3)', () => {
    let notes: readonly LogNote[] = [];
    for (let i = 1; i <= 20_000; i++) notes = thinned([...notes, { atMs: i, size: i * 10 }]);
    expect(notes.length).toBeLessThanOrEqual(4_000);
    expect(notes.at(-1)).toEqual({ atMs: 20_000, size: 200_000 });
    expect(notes.every((note, i) => i === 0 || note.size > (notes[i - 1]?.size ?? 0))).toBe(true);
    const at = timeAt(notes, 199_995);
    expect(at).toBe(20_000);
  });

  it('are kept in a file, whatever becomes of it (T1)', async () => {
    await fc.assert(
      fc.asyncProperty(growing, async (notes) => {
        await saveNotes(path, []);
        for (const note of notes) await appendNote(path, note);
        expect(await loadNotes(path)).toEqual(notes);
        await saveNotes(path, notes);
        expect(await loadNotes(path)).toEqual(notes);
      }),
      { numRuns: 20 },
    );
    await writeFile(`${path}.times`, '1000 10\nnonsense\n2000 5\n3000 20\n40');
    expect(await loadNotes(path)).toEqual([
      { atMs: 1000, size: 10 },
      { atMs: 3000, size: 20 },
    ]);
    await rm(`${path}.times`);
    expect(await loadNotes(path)).toEqual([]);
  });
});

describe('stamps', () => {
  it('come before every line once, however the log is cut into pieces', () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ unit: fc.constantFrom('a', 'ä', '\n'), maxLength: 6 }), { maxLength: 30 }),
        (pieces) => {
          const through = createStamper((offset) => offset);
          let offset = 0;
          const out: Uint8Array[] = [];
          for (const piece of pieces.map((text) => Buffer.from(text))) {
            out.push(through(piece, offset));
            offset += piece.length;
          }
          const whole = pieces.join('');
          let at = 0;
          const expected = (whole.match(/[^\n]*\n|[^\n]+$/g) ?? []).map((line) => {
            const text = `${stamp(at)}${line}`;
            at += Buffer.byteLength(line);
            return text;
          });
          expect(Buffer.concat(out).toString()).toBe(expected.join(''));
        },
      ),
    );
    expect(stamp(Date.UTC(2026, 0, 2, 3, 4, 5, 67))).toBe('2026-01-02T03:04:05.067000000Z ');
  });
});

/** A clock that moves on when somebody sleeps, after `tick` was asked what happens meanwhile. */
function steppedClock(
  tick: (second: number) => Promise<void>,
  end: AbortController,
): { clock: Clock; ms: () => number } {
  let ms = 1_000_000;
  let second = 0;
  const clock: Clock = {
    now: () => new Date(ms),
    monotonic: () => ms,
    sleep: async (length) => {
      await tick(second++);
      ms += length;
      if (second > 5) end.abort();
    },
  };
  return { clock, ms: () => ms };
}

describe('the log keeper', () => {
  it('knows how old lines are, also after it was started anew, and forgets what was cut off', async () => {
    await writeFile(path, '');
    const end = new AbortController();
    const { clock } = steppedClock(async (second) => {
      if (second < 3) await appendFile(path, `line ${second}\n`);
    }, end);
    const options = { current: () => [path], maxBytes: 1_000_000, clock, logger: silentLogger };
    await createLogKeeper(options).run(end.signal);
    const fresh = createLogKeeper(options);
    const age = await fresh.ageOf(path);
    const times = [0, 7, 14].map((offset) => age.timeAt(offset) - 1_000_000);
    expect(times).toEqual([1_000, 2_000, 3_000]);
    expect(age.offsetSince(3.5)).toBe(14);
    expect(age.offsetSince(100)).toBe(0);
    expect(age.timeAt((await stat(path)).size)).toBe(clock.now().getTime());

    await truncate(path, 0);
    await appendFile(path, 'new\n');
    const again = new AbortController();
    const later = steppedClock(() => Promise.resolve(), again);
    await createLogKeeper({ ...options, clock: later.clock }).run(again.signal);
    expect(await loadNotes(path)).toEqual([{ atMs: 1_000_000, size: 4 }]);
  });
});

/** One random walk: its changes are drawn from a number, so that the same number makes the same walk again. */
import type { OperationType } from '@polarstack/api';
import { systemClock } from '@polarstack/base';
import { isPlanned } from '@polarstack/domain';
import { dataDirsOf, randomFrom, watchPrimaries } from '@polarstack/testkit';
import { type Change, changes, type Draw } from './changes.ts';
import { wrongs } from './checks.ts';
import type { WalkScene } from './scene.ts';
import { inWords, type Settled, settle } from './settle.ts';

/** Longest pause between two changes, in milliseconds: short enough that changes meet. */
const PAUSE_MS = 2_500;

export interface Walked extends Settled {
  readonly rows: number;
  readonly operations: number;
}

const drawFrom = (random: () => number): Draw => ({
  of: (choices) => choices[Math.floor(random() * choices.length)],
  number: (low, high) => low + Math.floor(random() * (high - low + 1)),
});

/** Those whose operations are carried out. */
export const possible = (): readonly Change[] => changes.filter(({ needs }) => needs === undefined || isPlanned(needs));

/** Types of operations that no change of the table asks for because they are not carried out yet. */
export const missingTypes = (): readonly OperationType[] =>
  changes.flatMap(({ needs }) => (needs === undefined || isPlanned(needs) ? [] : [needs]));

function pickChange(random: () => number, among: readonly Change[]): Change {
  let left = random() * among.reduce((sum, { weight }) => sum + weight, 0);
  for (const one of among) {
    left -= one.weight;
    if (left < 0) return one;
  }
  return among[among.length - 1] as Change;
}

/** Walks, settles and checks. Throws with the number and the whole history where anything is wrong. */
export async function walk(scene: WalkScene, seed: number, steps: number, nth: number): Promise<Walked> {
  const random = randomFrom(seed);
  const among = possible();
  const history: string[] = [];
  const started = systemClock.monotonic();
  const note = (text: string): void => {
    history.push(`${((systemClock.monotonic() - started) / 1_000).toFixed(1)} s  ${text}`);
  };
  const watch = watchPrimaries(() => dataDirsOf(scene.home.dir));
  const writer = await scene.writer();
  const before = new Set((await scene.operations()).map(({ metadata }) => metadata.uid));
  try {
    for (let i = 0; i < steps; i++) {
      const change = pickChange(random, among);
      // Of its own, so that how much a change draws does not alter what follows.
      const draw = drawFrom(randomFrom(Math.floor(random() * 2 ** 32)));
      const pause = random() ** 2 * PAUSE_MS;
      note(`${change.name}: ${await change.make(scene, draw)}`);
      await systemClock.sleep(pause);
    }
    note('settle');
    const settled = await settle(scene, nth);
    const { rows } = await writer.stop();
    const made = (await scene.operations()).filter(({ metadata }) => !before.has(metadata.uid));
    note('check');
    const wrong = [...(await wrongs(scene, rows)), ...watch.violations.map((text) => `two primaries: ${text}`)];
    if (rows.length === 0) wrong.push('no row was acknowledged');
    if (watch.looks === 0) wrong.push('nobody looked for two primaries');
    if (wrong.length > 0) throw new Error(wrong.join('\n'));
    return { ...settled, rows: rows.length, operations: made.length };
  } catch (error) {
    const operations = await scene.operations().catch(() => []);
    const text = [
      `walk with SEED=${seed} WALK_STEPS=${steps}: ${error instanceof Error ? error.message : String(error)}`,
      ...history,
      ...operations.filter(({ metadata }) => !before.has(metadata.uid)).map(inWords),
    ].join('\n  ');
    throw new Error(text, { cause: error });
  } finally {
    await writer.stop();
    await watch.stop();
  }
}

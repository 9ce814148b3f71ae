import type { Death } from './mortal.ts';
import { createScene } from './scene.ts';

export type Scene = Awaited<ReturnType<typeof createScene>>;

/** Lets one operator die at `death` and another take over; then `check`. Answers how many effects there were. */
export async function survive(
  death: Death | undefined,
  before: (s: Scene) => Promise<void>,
  wish: (s: Scene) => Promise<void>,
  end: (s: Scene) => Promise<void>,
  options: Parameters<typeof createScene>[1] = { manager: true },
): Promise<{ readonly effects: number; readonly died: boolean }> {
  const s = await createScene(undefined, options);
  try {
    await before(s);
    const first = await s.start(death);
    await wish(s);
    const finished = end(s);
    // Whichever comes first: the effect at which it dies, or the end without it.
    const died = await Promise.race([first.died.then(() => true), finished.then(() => false)]);
    const effects = first.effects();
    await first.operator.close();
    if (died) await s.start();
    await finished.catch((error: unknown) => {
      throw new Error(`died ${death?.when} effect ${death?.at} (${first.lastWords()})`, { cause: error });
    });
    return { effects, died };
  } finally {
    await s.close();
  }
}

/** How many scenes are played side by side: they wait more than they work. */
const TOGETHER = 3;

/** Before and after each of that many effects. */
export const everyDeath = (effects: number): readonly Death[] =>
  Array.from({ length: effects }, (_, at) => [{ at, when: 'before' } as const, { at, when: 'after' } as const]).flat();

/** At each effect, by turns before and after it: the death after one is the death before the next but for its answer. */
export const alternateDeaths = (effects: number): readonly Death[] =>
  Array.from({ length: effects }, (_, at) => ({ at, when: at % 2 === 0 ? 'before' : 'after' }) as const);

/** Plays a scene for each death. The first that goes wrong is thrown when all that were begun have ended. */
export async function forEachDeath(deaths: readonly Death[], play: (death: Death) => Promise<unknown>): Promise<void> {
  const left = [...deaths];
  const failures: unknown[] = [];
  const worker = async (): Promise<void> => {
    for (let death = left.shift(); death && failures.length === 0; death = left.shift()) {
      await play(death).catch((error: unknown) => failures.push(error));
    }
  };
  await Promise.all(Array.from({ length: TOGETHER }, worker));
  if (failures.length > 0) throw failures[0];
}

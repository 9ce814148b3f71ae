import type { Death } from './mortal.ts';
import { createScene } from './scene.ts';

export type Scene = Awaited<ReturnType<typeof createScene>>;

/** Lets one operator die at `death` and another take over; then `check`. Answers how many effects there were. */
export async function survive(
  death: Death | undefined,
  before: (s: Scene) => Promise<void>,
  wish: (s: Scene) => Promise<void>,
  end: (s: Scene) => Promise<void>,
): Promise<{ readonly effects: number; readonly died: boolean }> {
  const s = await createScene(undefined, { manager: true });
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

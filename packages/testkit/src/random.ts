import { config } from './config.ts';

/** A seeded generator of numbers in [0, 1): mulberry32. */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** A seeded generator of numbers in [0, 1). The seed is printed so that a run can be repeated. */
export function seededRandom(what: string, seed = config.seed ?? Date.now() % 2 ** 31): () => number {
  process.stderr.write(`${what}: SEED=${seed}\n`);
  return randomFrom(seed);
}

/** All clusters at rest together are looked at this often in a second at most, but each of them at least every 30 s. */
const LOOKS_PER_SECOND = 30;
const SOONEST_MS = 3_000;
const LATEST_MS = 30_000;

/**
 * How soon to look again at a cluster that is well and at rest, in milliseconds: 3 s while there are few, longer the more
 * there are, so that an operator with a thousand of them has little to do. A pod, a service, the record or the spec that
 * changes brings a look at once; a look on its own only finds what an agent alone knows.
 */
export function createLookPace(clusters: () => number, random: () => number = Math.random): () => number {
  return () => {
    const evenly = Math.min(Math.max((clusters() * 1_000) / LOOKS_PER_SECOND, SOONEST_MS), LATEST_MS);
    // They all came together when the operator started; they must not go on coming together.
    return evenly === SOONEST_MS ? evenly : Math.round(evenly * (0.75 + random() / 4));
  };
}

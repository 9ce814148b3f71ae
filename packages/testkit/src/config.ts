/** What the environment tells the tests. */
export const config = {
  /** Parts that must be present; see `missing`. */
  required: (process.env.REQUIRE ?? '').split(',').filter((part) => part !== ''),
  /** Seed of randomized tests; printed by each, set to repeat a run. */
  seed: process.env.SEED === undefined ? undefined : Number(process.env.SEED),
};

/** What the environment tells these tests, beside `SEED`, which repeats a run. */
export const robustConfig = {
  /** `API_FUZZ_SECONDS`: how long requests are made up. */
  fuzzSeconds: Number(process.env.API_FUZZ_SECONDS ?? 20),
  /** `API_KILLS`: how often the server is killed under load. */
  kills: Number(process.env.API_KILLS ?? 100),
};

/**
 * How long a primary may write without hearing that it still may, and the periods that follow from it. Milliseconds throughout.
 *
 * The rule: TTL >= 4 x renew + kill budget + margin. Three renewals in a row may get lost before an engine is stopped for nothing.
 */
export interface LeaseProfile {
  /** A grant is good for this long, counted from the moment before its request was sent. */
  readonly ttlMs: number;
  /** How often the agent asks. */
  readonly renewMs: number;
  /** Silence of this length is suspicious; it proves nothing. */
  readonly suspectMs: number;
  /** How long the killing of every process of an engine may take; the dead-man begins so long before the deadline. */
  readonly killBudgetMs: number;
  /** What others wait beyond a deadline, for clocks that do not run alike. */
  readonly marginMs: number;
}

export const leaseProfiles = {
  default: { ttlMs: 6_000, renewMs: 1_000, suspectMs: 2_000, killBudgetMs: 500, marginMs: 500 },
  fast: { ttlMs: 3_000, renewMs: 500, suspectMs: 1_500, killBudgetMs: 500, marginMs: 500 },
  wan: { ttlMs: 15_000, renewMs: 2_000, suspectMs: 5_000, killBudgetMs: 500, marginMs: 500 },
} as const satisfies Readonly<Record<string, LeaseProfile>>;

/** Two clocks may run apart by this share of the time that passes: fifty times what a clock under NTP may be wrong by. */
export const MAX_DRIFT = 0.025;

/** What is wrong with a profile, in sentences; empty where nothing is. */
export function checkProfile(profile: LeaseProfile): readonly string[] {
  const { ttlMs, renewMs, suspectMs, killBudgetMs, marginMs } = profile;
  const problems: string[] = [];
  for (const [name, value] of Object.entries(profile))
    if (!Number.isFinite(value) || value <= 0) problems.push(`${name} is ${value}, not a time above 0`);
  if (problems.length > 0) return problems;
  const least = 4 * renewMs + killBudgetMs + marginMs;
  if (ttlMs < least) problems.push(`a TTL of ${ttlMs} ms is below 4 x renew + kill budget + margin = ${least} ms`);
  if (ttlMs < 3_000) problems.push(`a TTL of ${ttlMs} ms is below 3000 ms`);
  if (renewMs < 500) problems.push(`renewing every ${renewMs} ms is more often than every 500 ms`);
  if (suspectMs < 1_500)
    problems.push(`${suspectMs} ms of silence are no reason to suspect anybody; 1500 ms is the least`);
  if (suspectMs >= ttlMs) problems.push(`suspicion after ${suspectMs} ms comes later than the end of a grant`);
  if (marginMs < ttlMs * MAX_DRIFT)
    problems.push(`a margin of ${marginMs} ms is below ${MAX_DRIFT * 100} % of the TTL, by which clocks may differ`);
  return problems;
}

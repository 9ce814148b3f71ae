import type { HaRecord } from '@polarstack/ha';

export interface Metrics {
  /** Looks at a change of a record: counts a switch that ended with it. */
  note(before: HaRecord, after: HaRecord): void;
  setClusters(count: number): void;
  /** In the text format of Prometheus. */
  render(): string;
}

/** Upper bounds of the histogram of write pauses, in seconds. */
const BOUNDS = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1, 2, 5, 10] as const;

export function createMetrics(): Metrics {
  const outcomes = new Map<string, number>();
  const pauses = BOUNDS.map(() => 0);
  let pauseSum = 0;
  let pauseCount = 0;
  let durationSum = 0;
  let clusters = 0;

  return {
    note: (before, after) => {
      for (const result of after.results) {
        if (before.results.some(({ id }) => id === result.id)) continue;
        outcomes.set(result.outcome, (outcomes.get(result.outcome) ?? 0) + 1);
        const { S0: begun, S10: ended } = result.times ?? {};
        if (begun && ended) durationSum += (Date.parse(ended) - Date.parse(begun)) / 1_000;
        if (result.pauseMs === undefined || result.times === undefined) continue;
        const seconds = result.pauseMs / 1_000;
        pauseSum += seconds;
        pauseCount += 1;
        for (const [i, bound] of BOUNDS.entries()) if (seconds <= bound) pauses[i] = (pauses[i] ?? 0) + 1;
      }
    },
    setClusters: (count) => {
      clusters = count;
    },
    render: () =>
      [
        '# TYPE polarstack_ha_clusters gauge',
        `polarstack_ha_clusters ${clusters}`,
        '# TYPE polarstack_switches_total counter',
        ...['done', 'refused', 'failed'].map(
          (outcome) => `polarstack_switches_total{outcome="${outcome}"} ${outcomes.get(outcome) ?? 0}`,
        ),
        '# TYPE polarstack_switch_seconds_total counter',
        `polarstack_switch_seconds_total ${durationSum}`,
        '# TYPE polarstack_switch_write_pause_seconds histogram',
        ...BOUNDS.map((bound, i) => `polarstack_switch_write_pause_seconds_bucket{le="${bound}"} ${pauses[i]}`),
        `polarstack_switch_write_pause_seconds_bucket{le="+Inf"} ${pauseCount}`,
        `polarstack_switch_write_pause_seconds_sum ${pauseSum}`,
        `polarstack_switch_write_pause_seconds_count ${pauseCount}`,
        '',
      ].join('\n'),
  };
}

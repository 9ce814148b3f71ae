import { percentile } from '../lib/percentile.ts';
import type { Row } from '../lib/report.ts';
import type { Side } from './contestants.ts';

/** Collects one value a round and server, and compares the medians. */
export interface Tally {
  /** `better` says which value wins. */
  add(what: string, better: 'more' | 'less', side: Side, value: number): void;
  rows(): readonly Row[];
}

interface Entry {
  readonly better: 'more' | 'less';
  readonly values: Readonly<Record<Side, number[]>>;
}

export function createTally(): Tally {
  const entries = new Map<string, Entry>();
  return {
    add: (what, better, side, value) => {
      const entry = entries.get(what) ?? { better, values: { ours: [], real: [] } };
      entries.set(what, entry);
      entry.values[side].push(value);
    },
    rows: () =>
      Array.from(entries, ([what, { better, values }]) => {
        const ours = median(values.ours);
        if (values.real.length === 0) return { what, ours: shown(ours) };
        const real = median(values.real);
        const times = better === 'more' ? ours / real : real / ours;
        return { what, ours: shown(ours), Kubernetes: shown(real), 'times better': Number(times.toFixed(2)) };
      }),
  };
}

const median = (values: readonly number[]): number => percentile(values, 0.5);

const shown = (value: number): number => Number(value >= 100 ? value.toFixed(0) : value.toPrecision(3));

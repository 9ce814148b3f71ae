/** Minimum, median, 90th percentile and maximum of a sample, rounded to milliseconds or thousandths. */
export function summary(values: readonly number[]): {
  n: number;
  min: number;
  median: number;
  p90: number;
  max: number;
} {
  if (values.length === 0) throw new Error('no values to summarize');
  const sorted = values.toSorted((a, b) => a - b);
  const at = (q: number): number => {
    const position = (sorted.length - 1) * q;
    const low = sorted[Math.floor(position)] ?? Number.NaN;
    const high = sorted[Math.ceil(position)] ?? Number.NaN;
    return Math.round((low + (high - low) * (position % 1)) * 1000) / 1000;
  };
  return { n: sorted.length, min: at(0), median: at(0.5), p90: at(0.9), max: at(1) };
}

/** The value below which a part `q` (0 to 1) of the values lies; between two of them it is interpolated. */
export function percentile(values: readonly number[], q: number): number {
  if (values.length === 0) throw new Error('no values to summarize');
  const sorted = values.toSorted((a, b) => a - b);
  const position = (sorted.length - 1) * q;
  const low = sorted[Math.floor(position)] ?? Number.NaN;
  const high = sorted[Math.ceil(position)] ?? Number.NaN;
  return low + (high - low) * (position % 1);
}

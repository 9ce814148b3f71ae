/** From the least to the most that a size or a price can be. */
export interface Range {
  readonly min: number;
  readonly max: number;
}

export const UNBOUNDED = 2 ** 64;
export const cap = (value: number): number => Math.min(value, UNBOUNDED);
export const exactly = (value: number): Range => ({ min: value, max: value });
export const UNKNOWN: Range = { min: 0, max: UNBOUNDED };
export const add = (...ranges: readonly Range[]): Range => ({
  min: cap(ranges.reduce((sum, { min }) => sum + min, 0)),
  max: cap(ranges.reduce((sum, { max }) => sum + max, 0)),
});
export const times = (a: Range, b: Range): Range => ({ min: cap(a.min * b.min), max: cap(a.max * b.max) });
export const scaled = ({ min, max }: Range, factor: number): Range => ({
  min: cap(Math.ceil(min * factor)),
  max: cap(Math.ceil(max * factor)),
});
export const union = (a: Range, b: Range): Range => ({ min: Math.min(a.min, b.min), max: Math.max(a.max, b.max) });

import { expect, test } from 'vitest';
import { bytesOf, mebibytes } from './quantity.ts';

test('quantities of storage in bytes', () => {
  expect(['1', '1k', '1Ki', '1.5Gi', '2e3', '10G'].map(bytesOf)).toEqual([1, 1_000, 1_024, 1_610_612_736, 2_000, 1e10]);
  expect([undefined, '', '-1', '1Xi', 'much'].map(bytesOf)).toEqual(Array(5).fill(undefined));
  expect(bytesOf(5)).toBe(5);
  expect(mebibytes(2 ** 20 + 1)).toBe('2Mi');
});

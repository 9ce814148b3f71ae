const binary: Readonly<Record<string, bigint>> = {
  Ki: 2n ** 10n,
  Mi: 2n ** 20n,
  Gi: 2n ** 30n,
  Ti: 2n ** 40n,
  Pi: 2n ** 50n,
  Ei: 2n ** 60n,
};
const decimal: Readonly<Record<string, number>> = {
  n: -9,
  u: -6,
  m: -3,
  '': 0,
  k: 3,
  M: 6,
  G: 9,
  T: 12,
  P: 15,
  E: 18,
};

export const QUANTITY = /^[+-]?(?:\d+|\d+\.\d*|\.\d+)(?:Ki|Mi|Gi|Ti|Pi|Ei|[numkMGTPE]|[eE][+-]?\d+)?$/;

/** A quantity such as `500m`, `1.5Gi` or `1e3` in billionths, or undefined where the text is no quantity. */
export function parseQuantity(text: string): bigint | undefined {
  if (!QUANTITY.test(text)) return undefined;
  const match = /^([+-]?)(\d*)\.?(\d*)(.*)$/.exec(text);
  if (!match) return undefined;
  const [, sign, whole = '', fraction = '', suffix = ''] = match;
  const digits = BigInt(`${whole}${fraction}` || '0') * (sign === '-' ? -1n : 1n);
  const factor = binary[suffix];
  if (factor !== undefined) return (digits * factor * 10n ** 9n) / 10n ** BigInt(fraction.length);
  const exponent = decimal[suffix] ?? Number(suffix.slice(1));
  if (Math.abs(exponent) > 100) return undefined;
  const shift = exponent + 9 - fraction.length;
  return shift >= 0 ? digits * 10n ** BigInt(shift) : digits / 10n ** BigInt(-shift);
}

const UNITS: Readonly<Record<string, number>> = {
  '': 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
  Ei: 2 ** 60,
};

/** A Kubernetes quantity of storage in bytes, e.g. `1.5Gi`; undefined where it is none. */
export function bytesOf(quantity: string | number | undefined): number | undefined {
  const match = /^([0-9]+(?:\.[0-9]+)?)(?:([kMGTPE]|[KMGTPE]i)|[eE]([0-9]+))?$/.exec(String(quantity ?? ''));
  if (!match) return undefined;
  const [, digits, unit = '', exponent] = match;
  return Math.ceil(Number(digits) * (exponent === undefined ? (UNITS[unit] ?? Number.NaN) : 10 ** Number(exponent)));
}

/** Bytes as a quantity in Mi, rounded up. */
export const mebibytes = (bytes: number): string => `${Math.ceil(bytes / 2 ** 20)}Mi`;

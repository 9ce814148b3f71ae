/** `16/B374D848` as a number of bytes. */
export function lsnToBytes(lsn: string): bigint {
  const [high, low] = lsn.split('/');
  return (BigInt(`0x${high}`) << 32n) | BigInt(`0x${low}`);
}

/** Whether `a` lies behind `b`, which is where the record that begins at `b` was replayed. */
export const isPast = (a: string | undefined, b: string): boolean => a !== undefined && lsnToBytes(a) > lsnToBytes(b);

/** How many bytes `behind` is behind `ahead`; 0 where it is not. */
export function lagOf(ahead: string, behind: string): number {
  const lag = lsnToBytes(ahead) - lsnToBytes(behind);
  return lag > 0n ? Number(lag) : 0;
}

/** The further of two positions. */
export function furthest(a: string | undefined, b: string | undefined): string | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return lsnToBytes(a) >= lsnToBytes(b) ? a : b;
}

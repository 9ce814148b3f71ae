/** A log position `X/Y` (two hexadecimal halves of 32 bits) as a number of bytes; undefined where it is none. */
export function parseLsn(text: string | undefined): bigint | undefined {
  const match = text === undefined ? null : /^([0-9A-Fa-f]{1,8})\/([0-9A-Fa-f]{1,8})$/.exec(text);
  return match ? (BigInt(`0x${match[1]}`) << 32n) + BigInt(`0x${match[2]}`) : undefined;
}

/** How many bytes `behind` is behind `ahead`, at least 0; undefined where one of them is unknown. */
export function lagBytes(ahead: string | undefined, behind: string | undefined): number | undefined {
  const [a, b] = [parseLsn(ahead), parseLsn(behind)];
  if (a === undefined || b === undefined) return undefined;
  return Number(a > b ? a - b : 0n);
}

/** Puts times before the lines of a log. */

const NEWLINE = 10;

/** RFC 3339 with nanoseconds, as Kubernetes writes it before a line. */
export function stamp(atMs: number): string {
  return `${new Date(atMs).toISOString().slice(0, 23)}000000Z `;
}

/** Stamps pieces of a log in their order; a line that comes in two pieces is stamped once. */
export function createStamper(timeAt: (offset: number) => number): (piece: Uint8Array, offset: number) => Uint8Array {
  let isMiddle = false;
  return (piece, offset) => {
    const parts: Uint8Array[] = [];
    for (let start = 0; start < piece.length; ) {
      const newline = piece.indexOf(NEWLINE, start);
      const end = newline < 0 ? piece.length : newline + 1;
      if (!isMiddle) parts.push(Buffer.from(stamp(timeAt(offset + start))));
      parts.push(piece.subarray(start, end));
      isMiddle = newline < 0;
      start = end;
    }
    return Buffer.concat(parts);
  };
}

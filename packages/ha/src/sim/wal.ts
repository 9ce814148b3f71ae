/** The WAL of an engine as the last record of a line: records know the one before them, so lines that part share what they had. */
import type { Position } from '../sync/configuration.ts';

export interface Wal {
  readonly position: Position;
  readonly length: number;
  readonly parent: Wal | undefined;
}

export const append = (tip: Wal | undefined, epoch: number): Wal => {
  const length = (tip?.length ?? 0) + 1;
  return { position: { epoch, lsn: BigInt(length) }, length, parent: tip };
};

/** Whether `record` is `tip` or lies before it on the same line. */
export function contains(tip: Wal, record: Wal): boolean {
  let at: Wal | undefined = tip;
  while (at && at.length > record.length) at = at.parent;
  return at === record;
}

/** Where the line of `a` leaves that of `b`. */
export function forkOf(a: Wal, b: Wal): Wal | undefined {
  let [left, right]: [Wal | undefined, Wal | undefined] = [a, b];
  while (left && right && left !== right) {
    if (left.length >= right.length) left = left.parent;
    else right = right.parent;
  }
  return left === right ? left : undefined;
}

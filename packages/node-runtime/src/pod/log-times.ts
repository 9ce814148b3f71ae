/**
 * When a log was how long: its lines carry no time, so the runtime notes the length each time that it finds the log
 * longer. Lines are as old as the first note that covers them: late by the pause between two looks at most, or by as long
 * as nobody looked.
 *
 * - T1 Notes are kept in a file beside the log, so that a new runtime knows them; one that cannot be read is as none.
 * - T2 There are never more than `MAX_NOTES`: older ones are thinned out first, and become coarser.
 *   Times are those of the wall clock, because they outlive the process: where it is set back, ages are off by as much.
 * - T3 Offsets grow with times. A log that became shorter was rotated: what was noted before is of no use.
 */
import { constants } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';

export interface LogNote {
  readonly atMs: number;
  readonly size: number;
}

const MAX_NOTES = 4_000;

const notesPath = (path: string): string => `${path}.times`;

/** Every second one of the older half goes. */
export function thinned(notes: readonly LogNote[]): readonly LogNote[] {
  if (notes.length <= MAX_NOTES) return notes;
  const half = Math.floor(notes.length / 2);
  return [...notes.slice(0, half).filter((_, i) => i % 2 === 1), ...notes.slice(half)];
}

/** When the byte at an offset had been written, in milliseconds; undefined where nobody looked since. */
export function timeAt(notes: readonly LogNote[], offset: number): number | undefined {
  let [low, high] = [0, notes.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((notes[middle]?.size ?? 0) > offset) high = middle;
    else low = middle + 1;
  }
  return notes[low]?.atMs;
}

export async function loadNotes(path: string): Promise<readonly LogNote[]> {
  let text: string;
  try {
    const file = await open(notesPath(path), constants.O_RDONLY | constants.O_NOFOLLOW);
    try {
      text = await file.readFile('utf8');
    } finally {
      await file.close();
    }
  } catch {
    return []; // T1
  }
  const notes: LogNote[] = [];
  for (const line of text.split('\n')) {
    const match = /^(\d+) (\d+)$/.exec(line);
    if (!match) continue;
    const note = { atMs: Number(match[1]), size: Number(match[2]) };
    if (note.size >= (notes.at(-1)?.size ?? 0)) notes.push(note); // T3
  }
  return notes;
}

export async function appendNote(path: string, { atMs, size }: LogNote): Promise<void> {
  const { O_APPEND, O_CREAT, O_NOFOLLOW, O_WRONLY } = constants;
  const file = await open(notesPath(path), O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW, 0o600);
  try {
    await file.write(`${atMs} ${size}\n`);
  } finally {
    await file.close();
  }
}

/** Writes all notes anew, after they were thinned. */
export async function saveNotes(path: string, notes: readonly LogNote[]): Promise<void> {
  const { O_CREAT, O_NOFOLLOW, O_TRUNC, O_WRONLY } = constants;
  const aside = `${notesPath(path)}.new`;
  const file = await open(aside, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0o600);
  try {
    await file.writeFile(notes.map(({ atMs, size }) => `${atMs} ${size}\n`).join(''));
  } finally {
    await file.close();
  }
  await rename(aside, notesPath(path));
}

export async function forgetNotes(path: string): Promise<void> {
  await rm(notesPath(path), { force: true });
}

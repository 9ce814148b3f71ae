import type { Io } from '../io.ts';
import { type Colors, createColors } from './colors.ts';

/** Colours for what goes to standard output: only on a terminal, and where nobody said no. */
export function colorsFor(io: Io, options: { readonly color?: boolean }): Colors {
  return createColors(io.stdout.isTTY === true && options.color !== false && io.noColor !== true);
}

/** Writes and waits until the receiver has taken it, so that a pipe that is read slowly is not a growing buffer. */
export async function write(io: Io, text: string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    io.stdout.write(text, (error) => (error ? reject(error) : resolve()));
  });
}

/** Shows one picture after the other: on a terminal in the same place, elsewhere below each other. */
export function createLivePicture(io: Io): (text: string) => Promise<void> {
  let first = true;
  return async (text) => {
    const clear = io.stdout.isTTY === true ? '\u001b[H\u001b[2J' : first ? '' : '\n';
    first = false;
    await write(io, clear + text);
  };
}

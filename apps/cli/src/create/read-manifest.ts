import { readFile } from 'node:fs/promises';
import { StackError } from '@polarstack/base';
import type { Io } from '../io.ts';

/** The text of a file, or of standard input for `-`. */
export async function readManifest(file: string, io: Pick<Io, 'readInput'>): Promise<string> {
  if (file === '-') return await io.readInput();
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    throw new StackError('ManifestInvalid', `cannot read ${file}: ${(cause as Error).message}`, { cause });
  }
}

/** How messages call it. */
export const nameOfManifest = (file: string): string => (file === '-' ? 'standard input' : file);

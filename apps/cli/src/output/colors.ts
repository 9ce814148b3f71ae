import pc from 'picocolors';
import type { Cell } from './table.ts';

export type Paint = (text: string) => string;

/** Colours where they are wanted, plain text elsewhere. */
export interface Colors {
  readonly good: Paint;
  readonly bad: Paint;
  readonly busy: Paint;
  readonly dim: Paint;
  readonly bold: Paint;
}

/** `enabled`: a terminal is there and nobody asked for none. */
export function createColors(enabled: boolean): Colors {
  const { green, red, yellow, dim, bold } = pc.createColors(enabled);
  return { good: green, bad: red, busy: yellow, dim, bold };
}

const goodWords = new Set(['Running', 'Succeeded', 'Ready', 'True', 'yes', 'on', 'Normal']);
const badWords = new Set(['Failed', 'Interrupt', 'Interrupted', 'NotReady', 'no', 'off', 'Warning', 'False']);

/** A word of state in the colour of its meaning. */
export function stateCell(colors: Colors, word: string): Cell {
  const paint = goodWords.has(word) ? colors.good : badWords.has(word) ? colors.bad : colors.busy;
  return { text: word, paint };
}

import type { Writable } from 'node:stream';
import { readCliSettings } from './config.ts';

/** Where a command writes and what it may ask; the program passes the process's own, tests their own. */
export interface Io {
  readonly stdout: Writable & { readonly isTTY?: boolean; readonly columns?: number };
  readonly stderr: Writable;
  /** Somebody set NO_COLOR. */
  readonly noColor?: boolean;
  /** Asks yes or no; undefined where nobody is there to answer. */
  readonly confirm: (question: string) => Promise<boolean | undefined>;
  /** Reads standard input to its end. */
  readonly readInput: () => Promise<string>;
}

export function processIo(): Io {
  return {
    stdout: process.stdout,
    stderr: process.stderr,
    noColor: readCliSettings().noColor,
    confirm: async (question) => {
      if (process.stdin.isTTY !== true || process.stdout.isTTY !== true) return undefined;
      const { confirm, isCancel } = await import('@clack/prompts');
      const answer = await confirm({ message: question, initialValue: false });
      return !isCancel(answer) && answer;
    },
    readInput: async () => {
      let text = '';
      for await (const chunk of process.stdin.setEncoding('utf8')) text += chunk;
      return text;
    },
  };
}

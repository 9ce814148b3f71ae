import type { Io } from '../io.ts';
import type { Colors } from '../output/colors.ts';
import type { ProgressLine } from './operation-progress.ts';

export interface ProgressPrinter {
  print(lines: readonly ProgressLine[]): void;
  /** Takes the running line away, before other output. */
  end(): void;
}

/** On a terminal the running step is one line that is redrawn; elsewhere only what has ended is written. */
export function createProgressPrinter(io: Io, colors: Colors): ProgressPrinter {
  const live = io.stdout.isTTY === true;
  let open = false;
  const clear = (): void => {
    if (open) io.stdout.write('\r\u001b[2K');
    open = false;
  };
  return {
    print: (lines) => {
      for (const { kind, text } of lines) {
        switch (kind) {
          case 'running': {
            if (!live) break;
            clear();
            const width = (io.stdout.columns ?? 80) - 1;
            io.stdout.write(`${colors.busy('…')} ${text}`.slice(0, Math.max(20, width)));
            open = true;
            break;
          }
          case 'done':
            clear();
            io.stdout.write(`${colors.good('✔')} ${text}\n`);
            break;
          case 'failed':
            clear();
            io.stdout.write(`${colors.bad('✘')} ${text}\n`);
            break;
          case 'note':
            clear();
            io.stdout.write(`${colors.dim('-')} ${text}\n`);
            break;
        }
      }
    },
    end: clear,
  };
}

import type { Progress } from '@polarstack/local';
import pc from 'picocolors';

const frames = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];
const FRAME_MS = 80;

/** The little that is needed of `process.stdout`. */
export interface Screen {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

/**
 * Shows steps as they go: on a terminal one line each that is redrawn while the step runs, elsewhere one plain line
 * when it ends.
 */
export function createStepsView(
  screen: Screen = process.stdout,
  now: () => number = () => performance.now(),
): Progress {
  const live = screen.isTTY === true;
  let redraw: (() => void) | undefined;

  const fit = (text: string): string => {
    const width = screen.columns ?? 80;
    return text.length < width ? text : `${text.slice(0, width - 2)}…`;
  };
  const clear = (): void => {
    if (live) screen.write('\r\x1b[2K');
  };

  async function step<T>(name: string, work: (say: (detail: string) => void) => Promise<T>): Promise<T> {
    const started = now();
    let detail = '';
    let frame = 0;
    const seconds = (): string => `${((now() - started) / 1000).toFixed(1)} s`;
    const draw = (): void => {
      clear();
      screen.write(fit(`${frames[frame++ % frames.length]} ${name}  ${seconds()}${detail && `  ${detail}`}`));
    };
    const timer = live ? setInterval(draw, FRAME_MS) : undefined;
    if (live) {
      redraw = draw;
      draw();
    }
    const end = (mark: string): void => {
      clearInterval(timer);
      redraw = undefined;
      clear();
      screen.write(`${mark} ${name}  ${pc.dim(seconds())}${detail && `  ${pc.dim(detail)}`}\n`);
    };
    try {
      const result = await work((text) => {
        detail = text;
        redraw?.();
      });
      end(pc.green('✔'));
      return result;
    } catch (error) {
      end(pc.red('✘'));
      throw error;
    }
  }

  return {
    step,
    note(line) {
      clear();
      screen.write(`${line}\n`);
      redraw?.();
    },
  };
}

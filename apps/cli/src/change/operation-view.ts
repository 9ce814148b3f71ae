/**
 * An operation under way as a person watches it. On a terminal: what has ended stays, and below it the running steps with their
 * time and the next ones, redrawn in place. Elsewhere: a line for each thing that has ended.
 */
import type { MPDOperation, OperationStep } from '@polarstack/api';
import type { ProgressLine } from '../cluster/operation-progress.ts';
import { createOperationProgress } from '../cluster/operation-progress.ts';
import type { Io } from '../io.ts';
import type { Colors } from '../output/colors.ts';

export interface OperationView {
  show(operation: MPDOperation): void;
  /** Takes away what is not final, before other output. */
  end(): void;
}

/** Shows nothing, for `-o json`. */
export const silentView: OperationView = { show: () => {}, end: () => {} };

const FRAMES = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'] as const;
const FRAME_MS = 100;
/** Steps to come that are shown below those that run. */
const NEXT_SHOWN = 4;

export function createOperationView(io: Io, colors: Colors, now: () => number = Date.now): OperationView {
  const live = io.stdout.isTTY === true;
  const news = createOperationProgress();
  let said = '';
  let drawn = 0;
  let frame = 0;
  let current: MPDOperation | undefined;
  let timer: NodeJS.Timeout | undefined;

  const clear = (): void => {
    // The region is below the cursor's start: up to its first line, and away with all of it.
    if (drawn > 0) io.stdout.write(`\u001b[${drawn}A\r\u001b[J`);
    drawn = 0;
  };
  const fit = (text: string): string => {
    const width = Math.max(20, (io.stdout.columns ?? 80) - 1);
    return text.length <= width ? text : `${text.slice(0, width - 1)}…`;
  };
  const draw = (): void => {
    clear();
    const lines = current ? pictureOf(current, now(), FRAMES[frame++ % FRAMES.length] ?? '') : [];
    for (const { text, paint } of lines) io.stdout.write(`${colors[paint](fit(text))}\n`);
    drawn = lines.length;
  };
  const print = (lines: readonly ProgressLine[]): void => {
    for (const { kind, text } of lines) {
      if (kind === 'running') continue;
      const mark = { done: colors.good('✔'), failed: colors.bad('✘'), note: colors.dim('-') }[kind];
      io.stdout.write(`${mark} ${text}\n`);
    }
  };

  return {
    show: (operation) => {
      current = operation;
      if (live) clear();
      const note = noteOf(operation);
      if (note !== '' && note !== said) print([{ kind: 'note', text: note }]);
      said = note;
      print(news(operation));
      if (!live) return;
      draw();
      timer ??= setInterval(draw, FRAME_MS);
    },
    end: () => {
      clearInterval(timer);
      timer = undefined;
      clear();
    },
  };
}

/** What keeps the operation from going on. */
function noteOf({ metadata, status }: MPDOperation): string {
  const { phase, message = '' } = status ?? {};
  if (phase === 'Paused') return `${metadata.name} is paused`;
  // Once it has begun its steps say more.
  const begun = status?.workflow !== undefined;
  return !begun && (phase === undefined || phase === 'Pending') && message !== '' ? `${metadata.name} ${message}` : '';
}

interface Line {
  readonly text: string;
  readonly paint: 'busy' | 'dim';
}

/** The lines that change: running steps, and the next ones. Pure. */
export function pictureOf(operation: MPDOperation, now: number, spinner: string): readonly Line[] {
  const { status } = operation;
  const steps = status?.steps ?? [];
  const running = steps.filter(({ state }) => state === 'Running' || state === 'Waiting');
  const next = steps.filter(({ state }) => state === 'Pending');
  const number = (step: OperationStep): string => `${steps.indexOf(step) + 1}/${steps.length}`;
  const more = next.length - NEXT_SHOWN;
  const shown = running.map((step): Line => {
    const { name, startedAt, attempts, error, message = '' } = step;
    const took = startedAt === undefined ? '' : `  ${seconds(now - Date.parse(startedAt))}`;
    const why = error === undefined ? message : `attempt ${attempts}: ${error.message ?? error.code}`;
    return { text: `${spinner} ${number(step)} ${name}${took}${why === '' ? '' : `  ${why}`}`, paint: 'busy' };
  });
  return [
    ...shown,
    ...next.slice(0, NEXT_SHOWN).map((step): Line => ({ text: `  ${number(step)} ${step.name}`, paint: 'dim' })),
    ...(more > 0 ? [{ text: `  and ${more} more`, paint: 'dim' } as const] : []),
  ];
}

const seconds = (ms: number): string => `${(Math.max(0, ms) / 1000).toFixed(1)} s`;

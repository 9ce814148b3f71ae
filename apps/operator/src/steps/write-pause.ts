import type { Context } from '@polarstack/workflow';
import type { ClusterStepContext } from './services.ts';

const PREFIX = 'pause ';

/** How long writes paused because of a step, in milliseconds, as output of that step. */
export const pauseOutput = ({ step }: Pick<ClusterStepContext, 'step'>, pauseMs: number): Context => ({
  [`${PREFIX}${step}`]: Math.max(0, Math.round(pauseMs)),
});

/** All pauses that the steps of a run have measured, together; undefined where none has. */
export function writePauseOf(context: Context): number | undefined {
  const measured = Object.entries(context).flatMap(([name, value]) =>
    name.startsWith(PREFIX) && typeof value === 'number' ? [value] : [],
  );
  return measured.length === 0 ? undefined : measured.reduce((sum, each) => sum + each, 0);
}

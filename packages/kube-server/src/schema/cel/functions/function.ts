import type { Meter } from '../meter.ts';
import type { CelValue } from '../values.ts';

/** Takes the target of a member call as its first argument. Throws a `CelError`. */
export type CelFunction = (args: readonly CelValue[], meter: Meter) => CelValue;

export type CelFunctions = Readonly<Record<string, CelFunction>>;

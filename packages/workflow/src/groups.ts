import type { Context } from './workflow.ts';

/** A step of a run as it is planned: a name of its own, and the definition that carries it out. */
export interface PlannedStep {
  readonly name: string;
  /** Name of a step's definition or of a group. Default: that of the same name. */
  readonly use?: string;
  readonly input?: Context;
}

/** A sequence of steps that several plans share. Its steps may use groups in turn. */
export interface StepGroup {
  readonly name: string;
  readonly steps: readonly PlannedStep[];
}

/**
 * The plan with each use of a group replaced by its steps, in place. A group that is used under its own name keeps the
 * names of its steps; under another, `Mine`, they become `Mine.Step`. The input of the use is added to that of each
 * step. Throws a TypeError where groups contain each other.
 */
export function spliceGroups(
  plan: readonly PlannedStep[],
  groups: readonly StepGroup[],
  inside: readonly string[] = [],
): readonly PlannedStep[] {
  return plan.flatMap((planned) => {
    const { name, use = name, input } = planned;
    const group = groups.find((known) => known.name === use);
    if (!group) return [planned];
    if (inside.includes(use)) throw new TypeError(`group ${use} contains itself: ${[...inside, use].join(' > ')}`);
    return spliceGroups(group.steps, groups, [...inside, use]).map((step) => ({
      name: name === use ? step.name : `${name}.${step.name}`,
      use: step.use ?? step.name,
      ...((step.input || input) && { input: { ...step.input, ...input } }),
    }));
  });
}

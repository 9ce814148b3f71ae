/**
 * Bounds what an evaluation may cost.
 *
 * - M1 The cost is counted as Kubernetes counts it, so that what is too expensive there is too expensive here.
 * - M2 Beside it, work is counted by what this program really does: some things cost Kubernetes nothing (joining two
 *   lists) and us a copy. A limit on it, far above what the allowed cost can need, ends what the cost does not see.
 */

export interface Meter {
  readonly cost: number;
  /** Throws a `CostExceeded`. */
  charge(cost: number): void;
  /** Throws a `CostExceeded`. */
  work(steps: number): void;
}

/** Ends an evaluation; unlike an error of the expression, nothing in the expression can absorb it. */
export class CostExceeded extends Error {
  constructor() {
    super('operation cancelled: actual cost limit exceeded');
    this.name = 'CostExceeded';
  }
}

/** One expression may cost this much. */
export const PER_CALL_LIMIT = 1_000_000;
/** All rules of one object together may cost this much. */
export const RUNTIME_BUDGET = 10_000_000;
/** M2 About a second. */
const WORK_LIMIT = 30_000_000;

/** Work that evaluations share: all those of one object. */
export interface WorkBudget {
  left: number;
}

export const createWorkBudget = (): WorkBudget => ({ left: WORK_LIMIT });

export function createMeter(limit: number = PER_CALL_LIMIT, budget: WorkBudget = createWorkBudget()): Meter {
  let cost = 0;
  return {
    get cost() {
      return cost;
    },
    charge: (more) => {
      cost += more;
      if (cost > limit) throw new CostExceeded();
    },
    work: (steps) => {
      budget.left -= steps;
      if (budget.left < 0) throw new CostExceeded();
    },
  };
}

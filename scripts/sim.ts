/**
 * `make sim`: runs of the simulated cluster. `SEED=n` takes one run again and, where it fails, shows the smallest set of faults
 * that still does; `SEEDS=n` (default 2000) takes that many from `FROM` (default 1) on. `FAMILY`, `MODE` (sync, async) and `BUG`
 * narrow it down; a run without FAMILY has that of its seed.
 */
import { type Bug, bugs } from '../packages/ha/src/sim/bugs.ts';
import { type Family, families } from '../packages/ha/src/sim/faults.ts';
import { shrink } from '../packages/ha/src/sim/shrink.ts';
import { familyOf, type Plan, planOf, simulate } from '../packages/ha/src/sim/simulate.ts';

const { SEED, SEEDS = '2000', FROM = '1', FAMILY, MODE, BUG } = process.env;

function oneOf<T extends string>(name: string, value: string | undefined, allowed: readonly T[]): T | undefined {
  if (value === undefined || value === '') return undefined;
  const found = allowed.find((one) => one === value);
  if (found === undefined) throw new RangeError(`${name} is ${value}, not one of ${allowed.join(', ')}`);
  return found;
}

function whole(name: string, value: string): number {
  if (!/^\d{1,9}$/.test(value)) throw new RangeError(`${name} is ${value}, not a number`);
  return Number(value);
}

const family: Family | undefined = oneOf('FAMILY', FAMILY, families);
const mode = oneOf('MODE', MODE, ['sync', 'async']);
const bug: Bug | undefined = oneOf('BUG', BUG, bugs);
const plan = (seed: number): Plan => planOf(seed, family ?? familyOf(seed), bug ? [bug] : [], mode);

const show = (failing: Plan): void => {
  const { plan: small, runs } = shrink(failing);
  const { violation } = simulate(small);
  process.stdout.write(`${violation?.invariant}: ${violation?.text} (at ${violation?.atMs} ms)\n`);
  process.stdout.write(`${small.faults.length} of ${failing.faults.length} faults are enough (${runs} runs):\n`);
  for (const fault of small.faults) process.stdout.write(`  ${JSON.stringify(fault)}\n`);
  process.stdout.write(`kept as a regression by a line of packages/ha/src/sim/regressions.ts:\n`);
  process.stdout.write(`${JSON.stringify(small)}\n`);
};

const began = Date.now();
if (SEED !== undefined && SEED !== '') {
  const one = plan(whole('SEED', SEED));
  process.stdout.write(`seed ${one.seed}, ${one.mode}, ${one.family}, ${one.faults.length} faults\n`);
  const outcome = simulate(one);
  if (outcome.violation) {
    show(one);
    process.exitCode = 1;
  } else process.stdout.write(`no invariant broken: ${JSON.stringify(outcome)}\n`);
} else {
  const [first, count] = [whole('FROM', FROM), whole('SEEDS', SEEDS)];
  let [failed, acknowledged, epochs] = [0, 0, 0];
  for (let seed = first; seed < first + count; seed++) {
    const one = plan(seed);
    const outcome = simulate(one);
    acknowledged += outcome.acknowledged;
    epochs += outcome.epochs - 1;
    if (!outcome.violation) continue;
    failed++;
    const { invariant, text } = outcome.violation;
    process.stdout.write(`SEED=${seed} (${one.mode}, ${one.family}) breaks ${invariant}: ${text}\n`);
  }
  const perMinute = Math.round((count * 60_000) / Math.max(1, Date.now() - began));
  process.stdout.write(
    `${count} seeds, ${failed} failed; ${acknowledged} commits acknowledged, ${epochs} switches; ${perMinute} seeds a minute\n`,
  );
  if (failed > 0) process.exitCode = 1;
}

/** An agent's grants: the real core of the holder (`lease/holder.ts`), with messages, a dead-man and the promises of others. */
import { blocks, type Electorate } from '../lease/failsafe.ts';
import {
  adopt,
  answered,
  ask,
  bootGate,
  echoed,
  fireAt,
  type GrantAnswer,
  type Holder,
  isLive,
  keptByPromises,
  newHolder,
} from '../lease/holder.ts';
import type { TermFile } from '../lease/term-file.ts';
import type { Peers } from './agent.ts';
import type { MachineClock } from './clock.ts';
import type { DeadMan } from './dead-man.ts';
import type { Process } from './process.ts';
import { instanceIds, type World } from './world.ts';

export interface GrantsOf {
  /** The agent's. */
  readonly process: () => Process;
  readonly manager: () => string | undefined;
  readonly diskHangs: () => boolean;
  readonly electorate: () => Electorate;
}

export function createGrants(
  world: World,
  id: string,
  clock: MachineClock,
  deadMan: DeadMan,
  peers: Peers,
  of: GrantsOf,
) {
  const { kernel, network, profile, checker } = world;
  let holder: Holder = newHolder(id, { session: '', epoch: 0, generation: 0 });
  let grantedMs = 0;
  let promised: { readonly number: number; readonly by: Set<string> } | undefined;

  const feed = (): void => {
    const { deadlineMs } = holder;
    if (deadlineMs === undefined) return;
    if (deadMan.process.state === 'dead') deadMan.process.start();
    deadMan.feed(
      fireAt(deadlineMs, profile),
      of.process().bound(() => {
        holder = echoed(holder, deadlineMs);
      }),
    );
  };

  const become = (next: Holder): void => {
    if (next === holder) return;
    const longer = next.deadlineMs !== holder.deadlineMs;
    holder = next;
    if (longer) feed();
  };

  const request = (): void => {
    const asking = ask(holder, profile, clock.boot(), of.diskHangs());
    holder = asking.holder;
    const { request: one } = asking;
    if (!one) return;
    const sentMs = kernel.now();
    const process = of.process();
    const answer = process.bound((got: GrantAnswer): void => {
      world.pass('answer', `agent ${id}`);
      // It may have been caught between hearing and doing.
      process.run(
        process.bound(() => {
          const next = answered(holder, got);
          if (next !== holder) {
            grantedMs = kernel.now();
            checker.granted(id, one.epoch, sentMs);
          }
          become(next);
        }),
      );
    });
    const manager = of.manager();
    if (manager !== undefined) peers.askManager(manager, one, answer);
    // Nobody has answered for a while: the other members are asked too.
    if (kernel.now() - grantedMs < 1.5 * profile.renewMs) return;
    promised = { number: one.number, by: new Set() };
    const got = process.bound((by: string): void => {
      if (promised?.number !== one.number) return;
      promised.by.add(by);
      if (!blocks(id, promised.by, of.electorate())) return;
      checker.granted(id, one.epoch, sentMs);
      become(keptByPromises(holder, one.number, profile));
    });
    for (const other of instanceIds) {
      if (other === id) continue;
      network.send(id, other, () =>
        peers.agent(other).promise(one, answer, (by) => network.send(other, id, () => got(by))),
      );
    }
  };

  return {
    feed,
    request,
    /** The boot gate. */
    gateOpen: (file: TermFile | undefined): boolean =>
      bootGate(file, holder, profile, clock.boot()).every(({ holds }) => holds),
    /** Whether the engine of an epoch must end; under another epoch's grant the dead-man alone sees to it. */
    hasEnded: (epoch: number): boolean =>
      holder.epoch === epoch &&
      !world.has('dead-man-relative') &&
      !world.has('dead-man-wall-clock') &&
      !isLive(holder, profile, clock.boot()),
    /** The term has changed. */
    follow: (file: TermFile) => {
      if (holder.epoch !== file.epoch || holder.session !== file.session)
        holder = { ...newHolder(id, file), nextNumber: holder.nextNumber };
    },
    /** A new life of the agent. Numbers begin above all that lives before it have used: none asks more than once in a millisecond. */
    restart: (file: TermFile, engineRuns: boolean) => {
      promised = undefined;
      const armed = deadMan.fireAtMs === undefined ? undefined : deadMan.fireAtMs + profile.killBudgetMs;
      holder = adopt(newHolder(id, file), engineRuns ? armed : undefined, clock.boot() + 1);
    },
    /** Only the planted bug grants without having been asked. */
    pushed: (ttlMs: number, sentMs: number) => {
      checker.granted(id, holder.epoch, sentMs);
      become({ ...holder, deadlineMs: clock.boot() + ttlMs });
    },
  };
}

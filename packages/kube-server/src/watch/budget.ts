/**
 * What may wait in memory for all watchers together.
 *
 * - B1 When more than `maxBytes` wait, those who owe most are cut off until clearly less does. What a watcher owes is what
 *   waits for it from earlier turns of the event loop: of what is being written now nobody can have taken anything yet.
 * - B2 Where all that waits is one watcher's, it is left alone: its own bound holds.
 * - B3 Who owes nothing is cut off only when `PEAK` times the bound waits: one change of a large object, told to everybody
 *   in one turn, ends no watcher that keeps up, and memory stays bounded.
 */
export interface WatchBudget {
  join(watcher: Watcher): Membership;
}

export interface Watcher {
  /** Bytes that wait for it. */
  waiting(): number;
  cutOff(): void;
}

export interface Membership {
  /** To be called after each write, with what was written. */
  wrote(bytes: number): void;
  leave(): void;
}

/** Cutting off makes this much room, in parts of the whole, so that not each write has to look at everybody. */
const ROOM = 0.25;
const PEAK = 4;

interface Account {
  /** What waited when it was last looked at; it may be less by now. */
  waiting: number;
  /** What was written in the turn `turn`. */
  fresh: number;
  turn: number;
}

/** `nextTurn` calls back in the next turn of the event loop, when what was written in this one had a chance to leave. */
export function createWatchBudget(
  maxBytes: number,
  nextTurn: (callback: () => void) => void = setImmediate,
): WatchBudget {
  const accounts = new Map<Watcher, Account>();
  let total = 0;
  let turn = 0;
  let isTurning = false;

  const look = (watcher: Watcher, account: Account): void => {
    const waiting = watcher.waiting();
    total += waiting - account.waiting;
    account.waiting = waiting;
  };
  const leave = (watcher: Watcher): void => {
    total -= accounts.get(watcher)?.waiting ?? 0;
    accounts.delete(watcher);
  };
  const owed = ({ waiting, fresh, turn: written }: Account): number =>
    written === turn ? Math.max(0, waiting - fresh) : waiting;

  const cut = (rank: (account: Account) => number): void => {
    const slowest = [...accounts].filter(([, account]) => rank(account) > 0).sort(([, a], [, b]) => rank(b) - rank(a));
    for (const [watcher, { waiting }] of slowest) {
      if (total <= maxBytes * (1 - ROOM) || total <= waiting) return; // B1, B2
      leave(watcher);
      watcher.cutOff();
    }
  };
  const relieve = (): void => {
    for (const [watcher, account] of accounts) look(watcher, account);
    if (total > maxBytes) cut(owed);
    if (total > maxBytes * PEAK) cut(({ waiting }) => waiting); // B3
  };
  /** Begins to count anew with the next turn, in which those who are behind can be told from those who are not. */
  const count = (): void => {
    if (isTurning) return;
    isTurning = true;
    nextTurn(() => {
      isTurning = false;
      turn += 1;
      if (total > maxBytes) relieve();
    });
  };

  return {
    join: (watcher) => {
      const account: Account = { waiting: 0, fresh: 0, turn };
      accounts.set(watcher, account);
      return {
        wrote: (bytes) => {
          if (!accounts.has(watcher)) return;
          count();
          account.fresh = account.turn === turn ? account.fresh + bytes : bytes;
          account.turn = turn;
          look(watcher, account);
          if (total > maxBytes) relieve();
        },
        leave: () => leave(watcher),
      };
    },
  };
}

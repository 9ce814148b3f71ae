/**
 * Who may run now: the requests of one kind share a number of seats, and who finds none waits in a queue.
 *
 * Pure: a state goes in, the next one comes out with who starts and who is refused. It owns no clock and no connection.
 *
 * - O1 Never more than `seats` run, and never more than `perUser` of one user, so that the requests of one user, be they
 *   without end, leave seats for the others.
 * - O2 No seat stays free while somebody waits who may take it.
 * - O3 Users take turns: next is the oldest request of the user whose last turn is longest ago. One user's hundred
 *   requests in the queue delay another's by one turn, not by a hundred.
 * - O4 Never more than `queue` wait. Where one more comes, the newest request of the user with most in the queue is
 *   refused: who waits with less than others is not refused because of them.
 */
export interface SeatLimits {
  readonly seats: number;
  readonly perUser: number;
  readonly queue: number;
}

export interface Ticket {
  readonly id: number;
  readonly user: string;
}

export interface Seats {
  /** How many run, by user; without those that have none. */
  readonly running: ReadonlyMap<string, number>;
  /** Who waits, the oldest first. */
  readonly waiting: readonly Ticket[];
  /** When each user had its last turn, as a growing number; kept while the user runs or waits. */
  readonly turns: ReadonlyMap<string, number>;
  readonly turn: number;
}

export interface Seating {
  readonly state: Seats;
  readonly started?: Ticket;
}

export const noSeatsTaken: Seats = { running: new Map(), waiting: [], turns: new Map(), turn: 0 };

export const countRunning = ({ running }: Seats): number => [...running.values()].reduce((sum, one) => sum + one, 0);

export function join(state: Seats, ticket: Ticket): Seats {
  return { ...state, waiting: [...state.waiting, ticket] };
}

/** Starts the one whose turn it is (O3); nobody where no seat is free or nobody may take one. */
export function startNext(state: Seats, limits: SeatLimits, mayStart: (user: string) => boolean = () => true): Seating {
  const { running, waiting, turns } = state;
  if (waiting.length === 0 || countRunning(state) >= limits.seats) return { state };
  let chosen: Ticket | undefined;
  let chosenTurn = Number.POSITIVE_INFINITY;
  const seen = new Set<string>();
  for (const ticket of waiting) {
    if (seen.has(ticket.user)) continue;
    seen.add(ticket.user);
    const turn = turns.get(ticket.user) ?? 0;
    if (turn >= chosenTurn || (running.get(ticket.user) ?? 0) >= limits.perUser || !mayStart(ticket.user)) continue;
    chosen = ticket;
    chosenTurn = turn;
  }
  if (!chosen) return { state };
  const { id, user } = chosen;
  const turn = state.turn + 1;
  return {
    started: chosen,
    state: {
      running: new Map(running).set(user, (running.get(user) ?? 0) + 1),
      waiting: waiting.filter((ticket) => ticket.id !== id),
      turns: new Map(turns).set(user, turn),
      turn,
    },
  };
}

/** The one that has to go because too many wait (O4). */
export function refused({ waiting }: Seats, { queue }: SeatLimits): Ticket | undefined {
  if (waiting.length <= queue) return undefined;
  const counts = new Map<string, number>();
  for (const { user } of waiting) counts.set(user, (counts.get(user) ?? 0) + 1);
  const most = Math.max(...counts.values());
  return waiting.findLast(({ user }) => counts.get(user) === most);
}

/** Takes out one that waits: it was refused, or its client left. */
export function withdraw(state: Seats, { id, user }: Ticket): Seats {
  return forget({ ...state, waiting: state.waiting.filter((ticket) => ticket.id !== id) }, user);
}

/** Frees the seat of a request of this user. */
export function leave(state: Seats, user: string): Seats {
  const running = new Map(state.running);
  const left = (running.get(user) ?? 1) - 1;
  if (left > 0) running.set(user, left);
  else running.delete(user);
  return forget({ ...state, running }, user);
}

/** Whoever neither runs nor waits is as good as new. */
function forget(state: Seats, user: string): Seats {
  if (state.running.has(user) || state.waiting.some((ticket) => ticket.user === user)) return state;
  const turns = new Map(state.turns);
  turns.delete(user);
  return { ...state, turns };
}

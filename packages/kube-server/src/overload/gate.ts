/**
 * Bounds the work that the server has taken on. It owns the requests under way, the two queues before them (`seats.ts`
 * decides who is next) and how long they may last.
 *
 * - G1 A request holds its seat until its answer has left, or its connection broke: answers that nobody reads count too.
 * - G2 Who waits longer than `maxWaitMs`, or finds the queue full, is refused with 429 and Retry-After.
 * - G3 While more than `maxHeldBytes` of answers wait to be read, no further read starts, and none of a user that holds
 *   `USER_SHARE` of that.
 * - G4 Work that came in one turn of the event loop is done for `SLICE_MS`; the rest waits, so that requests of others,
 *   which the next turn finds, come into their turn (O3). Nothing else divides the time of one thread.
 * - G5 An answer that has not left after `maxAnswerMs` is broken off: a seat cannot be held for ever.
 * - G6 What runs long by its nature (watches, followed logs) takes no seat; the bounds of connections and of watchers hold.
 */
import type { ServerResponse } from 'node:http';
import type { Clock } from '@polarstack/base';
import { onGone } from '../http/gone.ts';
import { errors } from '../http/status.ts';
import {
  countRunning,
  join,
  leave,
  noSeatsTaken,
  refused,
  type SeatLimits,
  type Seats,
  startNext,
  type Ticket,
  withdraw,
} from './seats.ts';

/** As metrics of Kubernetes name them. */
export type RequestKind = 'readOnly' | 'mutating';

export interface OverloadLimits {
  /** Reads under way. Default 400, as in Kubernetes. */
  readonly maxReads?: number;
  /** Writes under way. Default 200, as in Kubernetes. */
  readonly maxWrites?: number;
  /** Requests of each kind that wait for a seat. Default 1 000. */
  readonly maxQueue?: number;
  /** How long one waits for a seat, in milliseconds. Default 3 s. */
  readonly maxWaitMs?: number;
  /** Bytes of answers that may wait to be read before further reads wait. Default 256 MiB. */
  readonly maxHeldBytes?: number;
  /** How long an answer may take from the start of the work until it has left, in milliseconds. Default 60 s. */
  readonly maxAnswerMs?: number;
}

export interface GateCounts {
  readonly running: number;
  readonly waiting: number;
  readonly refused: number;
}

export interface Gate {
  /** Runs `work` when it is its turn; rejects with 429 (G2), or with what `work` rejects with. */
  pass(kind: RequestKind, user: string, response: ServerResponse, work: () => Promise<void>): Promise<void>;
  counts(kind: RequestKind): GateCounts;
}

/** The part of the seats, and of the bytes of answers, that one user can have. */
const USER_SHARE = 0.75;
const SLICE_MS = 10;
/** How long the refusal of an answer that took too long may take. */
const LAST_WORDS_MS = 1_000;

interface Visit {
  readonly ticket: Ticket;
  readonly response: ServerResponse;
  readonly start: () => void;
  readonly refuse: () => void;
}

export function createGate(limits: OverloadLimits, clock: Clock): Gate {
  const { maxWaitMs = 3_000, maxHeldBytes = 256 * 1024 * 1024, maxAnswerMs = 60_000, maxQueue = 1_000 } = limits;
  const bounds = (seats: number): SeatLimits => ({
    seats,
    perUser: Math.max(1, Math.floor(seats * USER_SHARE)),
    queue: maxQueue,
  });
  let sliceSince: number | undefined;
  let lastId = 0;

  /** False when this turn of the event loop has done enough (G4). */
  const hasTime = (): boolean => {
    if (sliceSince === undefined) {
      sliceSince = clock.monotonic();
      setImmediate(() => {
        sliceSince = undefined;
        for (const room of Object.values(rooms)) room.seat();
      });
    }
    return clock.monotonic() - sliceSince < SLICE_MS;
  };

  const createRoom = (kind: RequestKind, seatLimits: SeatLimits) => {
    let state: Seats = noSeatsTaken;
    const visits = new Map<number, Visit>();
    const running = new Set<Visit>();
    let refusals = 0;

    const held = (user?: string): number => {
      let bytes = 0;
      for (const { ticket, response } of running) {
        if (user === undefined || ticket.user === user) bytes += response.writableLength;
      }
      return bytes;
    };
    const mayStart = (user: string): boolean =>
      kind === 'mutating' || (held() < maxHeldBytes && held(user) < maxHeldBytes * USER_SHARE); // G3

    const refuse = (ticket: Ticket): void => {
      state = withdraw(state, ticket);
      const visit = visits.get(ticket.id);
      visits.delete(ticket.id);
      refusals += 1;
      visit?.refuse();
    };

    const seat = (): void => {
      while (state.waiting.length > 0 && hasTime()) {
        const next = startNext(state, seatLimits, mayStart);
        state = next.state;
        if (!next.started) break;
        const visit = visits.get(next.started.id);
        visits.delete(next.started.id);
        if (!visit) continue;
        running.add(visit);
        visit.start();
      }
      for (let out = refused(state, seatLimits); out; out = refused(state, seatLimits)) refuse(out);
    };

    const enter = (user: string, response: ServerResponse, work: () => Promise<void>): Promise<void> =>
      new Promise((resolve, reject) => {
        lastId += 1;
        const ticket: Ticket = { id: lastId, user };
        let timer = setTimeout(() => refuse(ticket), maxWaitMs);
        const visit: Visit = {
          ticket,
          response,
          start: () => {
            clearTimeout(timer);
            timer = setTimeout(() => {
              timer = setTimeout(() => response.destroy(), LAST_WORDS_MS);
              expire(response, reject);
            }, maxAnswerMs);
            work().then(resolve, reject);
          },
          refuse: () => {
            clearTimeout(timer);
            reject(errors.tooManyRequests());
          },
        };
        onGone(response, () => {
          clearTimeout(timer);
          if (running.delete(visit)) state = leave(state, user);
          else if (visits.delete(ticket.id)) {
            state = withdraw(state, ticket);
            resolve(); // nobody is there to hear an answer
          }
          seat();
        });
        visits.set(ticket.id, visit);
        state = join(state, ticket);
        seat();
      });

    return {
      enter,
      seat,
      counts: (): GateCounts => ({ running: countRunning(state), waiting: state.waiting.length, refused: refusals }),
    };
  };

  const rooms = {
    readOnly: createRoom('readOnly', bounds(limits.maxReads ?? 400)),
    mutating: createRoom('mutating', bounds(limits.maxWrites ?? 200)),
  };
  return {
    pass: (kind, user, response, work) => rooms[kind].enter(user, response, work),
    counts: (kind) => rooms[kind].counts(),
  };
}

/** G5. What began to leave is broken off; what did not is answered. */
function expire(response: ServerResponse, reject: (error: Error) => void): void {
  if (response.headersSent) response.destroy();
  else reject(errors.tooSlow());
}

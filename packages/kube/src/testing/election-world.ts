/**
 * A world for the property test of leader election: processes whose clocks run at different rates, that are paused and
 * resumed, a network that delays and loses requests and answers, and somebody who meddles with the Lease.
 */
import {
  decideElection,
  type ElectionAction,
  type ElectionEvent,
  type ElectionRequest,
  type ElectionResult,
  type ElectionState,
  type ElectionTimes,
  mayAct,
  newElection,
  nextTick,
  type SeenLease,
} from '../leader-election.ts';

type Mood = 'good' | 'slow' | 'lossy' | 'down';

export type WorldStep =
  | { readonly type: 'run'; readonly ms: number }
  | { readonly type: 'pause' | 'resume' | 'restart' | 'stop' | 'steal'; readonly member: number }
  | { readonly type: 'delete' | 'clear' }
  /** An older version of the Lease is written over the present one. */
  | { readonly type: 'restore'; readonly back: number }
  | { readonly type: 'network'; readonly mood: string };

interface Member {
  readonly rate: number;
  state: ElectionState<undefined>;
  life: number;
  isPaused: boolean;
  readonly inbox: ElectionEvent<undefined>[];
}

interface Delivery {
  readonly at: number;
  readonly run: () => void;
}

export interface ElectionWorld {
  apply(step: WorldStep): void;
  leaders(): readonly string[];
  /** The most processes that might act at the same moment so far. */
  mostLeaders(): number;
  /** How often a process began to lead. */
  terms(): number;
}

/** Deterministic numbers between 0 and 1. */
function randomFrom(seed: number): () => number {
  let state = seed >>> 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state / 2 ** 32;
  };
}

export function createElectionWorld(options: {
  readonly times: ElectionTimes;
  readonly rates: readonly number[];
  readonly seed: number;
}): ElectionWorld {
  const { times, rates } = options;
  const random = randomFrom(options.seed);
  let now = 0;
  let mood: Mood = 'good';
  let version = 0;
  let lease: SeenLease<undefined> | undefined;
  let most = 0;
  let terms = 0;
  const past: SeenLease<undefined>[] = [];
  const deliveries: Delivery[] = [];

  const local = ({ rate }: Member): number => 1_000 + now * rate;
  const members = rates.map((rate, i): Member => {
    return { rate, state: newElection(`${i}.0`, times, 1_000), life: 0, isPaused: false, inbox: [] };
  });

  const write = (holder: string, isReleased: boolean): SeenLease<undefined> => {
    version += 1;
    lease = { version: String(version), holder, durationMs: times.leaseDurationMs, isReleased, object: undefined };
    if (!isReleased) past.push(lease);
    return lease;
  };

  const serve = (request: ElectionRequest<undefined>, identity: string): ElectionResult<undefined> => {
    switch (request.verb) {
      case 'read':
        return lease ? { kind: 'lease', lease } : { kind: 'absent' };
      case 'create':
        return lease ? { kind: 'conflict' } : { kind: 'lease', lease: write(identity, false) };
      case 'acquire':
      case 'renew':
        if (!lease) return { kind: 'absent' };
        if (lease.version !== request.base.version) return { kind: 'conflict' };
        return { kind: 'lease', lease: write(identity, false) };
      case 'release':
        if (lease?.version !== request.base.version) return { kind: 'conflict' };
        return { kind: 'lease', lease: write('', true) };
    }
  };

  const later = (ms: number, run: () => void): void => void deliveries.push({ at: now + ms, run });

  const delay = (): number => {
    if (mood === 'good') return 1 + random() * 20;
    // Slow ones may arrive long after their sender gave up.
    return random() < 0.7 ? random() * 1_000 : random() * 30_000;
  };
  const isLost = (): boolean => mood === 'down' || (mood === 'lossy' && random() < 0.4);

  const carryOut = (member: Member, actions: readonly ElectionAction<undefined>[]): void => {
    const { life } = member;
    const { identity } = member.state;
    for (const action of actions) {
      if (action.type === 'begin') terms += 1;
      if (action.type !== 'send') continue;
      const { id, request } = action;
      const answer = (result: ElectionResult<undefined>): void => {
        if (member.life === life) member.inbox.push({ type: 'answer', id, result });
      };
      if (mood === 'down') later(5, () => answer({ kind: 'failed' }));
      else if (!isLost()) {
        later(delay(), () => {
          const result = serve(request, identity);
          if (!isLost()) later(delay(), () => answer(result));
        });
      }
    }
  };

  const tell = (member: Member, event: ElectionEvent<undefined>): void => {
    const [state, actions] = decideElection(member.state, event, local(member));
    member.state = state;
    carryOut(member, actions);
  };

  const countLeaders = (): void => {
    // Paused ones count too: they may be about to act.
    most = Math.max(most, members.filter((member) => mayAct(member.state, local(member))).length);
  };

  const work = (): void => {
    for (const member of members) {
      if (member.isPaused) continue;
      for (let event = member.inbox.shift(); event; event = member.inbox.shift()) tell(member, event);
      if (nextTick(member.state) <= local(member)) tell(member, { type: 'tick' });
    }
  };

  const run = (ms: number): void => {
    for (const end = now + ms; now < end; ) {
      // Millisecond steps while something is due, longer ones otherwise.
      const due = [
        end,
        ...deliveries.map(({ at }) => at),
        ...members.flatMap((m) => (m.isPaused ? [] : [now + (nextTick(m.state) - local(m)) / m.rate])),
      ];
      now = Math.min(end, Math.max(now + 1, Math.min(...due)));
      countLeaders();
      for (const one of deliveries.filter(({ at }) => at <= now)) {
        deliveries.splice(deliveries.indexOf(one), 1);
        one.run();
      }
      work();
      countLeaders();
    }
  };

  const member = (i: number): Member => {
    const found = members[i % members.length];
    if (!found) throw new Error('no such process');
    return found;
  };

  const apply = (step: WorldStep): void => {
    switch (step.type) {
      case 'run':
        run(step.ms);
        break;
      case 'pause':
      case 'resume':
        member(step.member).isPaused = step.type === 'pause';
        break;
      case 'restart': {
        const one = member(step.member);
        one.life += 1;
        one.isPaused = false;
        one.inbox.length = 0;
        one.state = newElection(`${step.member}.${one.life}`, times, local(one));
        break;
      }
      case 'stop':
        member(step.member).inbox.push({ type: 'stop' });
        break;
      case 'delete':
        lease = undefined;
        break;
      case 'steal':
        write(member(step.member).state.identity, false);
        break;
      case 'clear':
        if (lease) write('', false);
        break;
      case 'restore': {
        const old = past[past.length - 1 - step.back];
        if (old) write(old.holder, false);
        break;
      }
      case 'network':
        mood = step.mood as Mood;
        break;
    }
    if (step.type !== 'run') work();
    countLeaders();
  };

  return {
    apply,
    leaders: () => members.filter((m) => mayAct(m.state, local(m))).map((m) => m.state.identity),
    mostLeaders: () => most,
    terms: () => terms,
  };
}

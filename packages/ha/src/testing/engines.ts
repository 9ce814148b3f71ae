/** The engines of the model, and what can happen to them. */
import { StackError } from '@polarstack/base';
import type { EngineReport, FenceEvidence } from '@polarstack/contracts';
import { IDS, isPrefix, lsn, type ModelInstance } from './instance.ts';

/** `stays`: in recovery, when it is promoted. `die`: the end of its WAL still arrives; `die-tail`: it does not. `down`: its agent is not reached for a while. */
export const mishaps = [
  'die',
  'die-tail',
  'hang',
  'wake',
  'disk',
  'down',
  'deaf',
  'hears',
  'hides',
  'breaks',
  'stays',
  'mends',
] as const;
export type Mishap = (typeof mishaps)[number];

/** An agent that hears nothing starts its engine in place after this, in milliseconds of the model's clock. */
export const OWNER_WORD_MS = 1_000;
/** An agent that is down comes back after this. */
const DOWN_MS = 5_000;
/** After how many calls what was on the way arrives. */
const ARRIVES_AFTER = 6;

export interface World {
  readonly instances: ReadonlyMap<string, ModelInstance>;
  readonly now: () => number;
  readonly wall: (ms: number) => string;
  /** How many calls there were. */
  readonly calls: () => number;
  readonly violate: (text: string) => void;
}

export function createEngines({ instances, now, wall, calls, violate }: World) {
  const get = (id: string): ModelInstance => {
    const found = instances.get(id);
    if (!found) throw new Error(`no instance ${id}`);
    return found;
  };
  const upstream = (one: ModelInstance): ModelInstance | undefined =>
    one.term.upstream && get(one.term.upstream.instanceId);
  const isAble = (one: ModelInstance): boolean =>
    one.running && !one.down && one.hungSince === undefined && one.diskSince === undefined;
  const streams = (one: ModelInstance): boolean => {
    if (one.pending) return one.running && one.role === 'replica';
    const from = upstream(one);
    return one.running && one.role === 'replica' && from?.running === true && isPrefix(one.log, from.log);
  };

  const receive = (): void => {
    for (const one of instances.values()) {
      if (one.pending && (calls() >= one.pending.calls || !one.running)) {
        if (one.running && isPrefix(one.log, one.pending.log)) one.log = one.pending.log;
        one.pending = undefined;
      }
      const from = upstream(one);
      if (!isAble(one) || one.role !== 'replica') continue;
      if (from && isAble(from) && !one.deaf && one.pending === undefined) {
        if (isPrefix(one.log, from.log)) {
          one.log = from.log;
          one.timeline = from.timeline;
        } else if (from.role === 'primary') violate(`I11: ${one.id} follows ${from.id}, whose line it is off`);
      }
      if (!one.stuck) one.replayed = one.log.length;
    }
  };

  const report = (one: ModelInstance): EngineReport => ({
    state: !one.running
      ? one.died && one.cannotStart
        ? 'failed'
        : 'stopped'
      : one.hungSince === undefined
        ? 'running'
        : 'failed',
    dataDir: '/data',
    configVersion: 1,
    systemId: 's',
    // A replica without a walreceiver knows no more than its control file.
    timeline: one.role === 'replica' && one.running && !streams(one) ? one.noted : one.timeline,
    version: '15.1',
    ...(one.running ? { pid: 1, startedAt: wall(one.startedAt) } : {}),
    ...(one.running && one.hungSince === undefined
      ? {
          role: one.role,
          lsn: lsn(one.role === 'replica' ? one.replayed : one.log.length),
          ...(one.role === 'replica'
            ? { streaming: streams(one), receivedLsn: lsn(one.log.length) }
            : { peers: IDS.filter((id) => streams(get(id))).map(peer) }),
        }
      : { cleanStop: one.cleanStop, lsn: lsn((one.cleanStop ? one.log.length : one.checkpoint) - 1) }),
  });
  const peer = (instanceId: string) => ({
    instanceId,
    state: 'streaming',
    sentLsn: '0/0',
    flushLsn: '0/0',
    replayLsn: '0/0',
  });

  const mayStart = ({ term, fence = 0 }: ModelInstance): boolean => term.epoch >= fence;
  const start = (one: ModelInstance): void => {
    if (!mayStart(one)) throw new StackError('StaleEpoch', `${one.id} is fenced`);
    one.stoppedByRequest = false;
    if (one.running) return;
    if (one.cannotStart) {
      one.died ??= { at: now(), count: ++one.deaths };
      throw new StackError('EngineStartFailed', `the engine of ${one.id} ends at once`);
    }
    one.running = true;
    one.died = undefined;
    one.startedAt = now();
    one.startedEpoch = one.term.epoch;
    one.checkpoint = one.log.length;
    one.noted = one.timeline;
    // Whoever was a replica starts as one and leaves that by a promotion.
    if (one.term.role === 'replica') one.role = 'replica';
    one.cleanStop = false;
  };
  const tryStart = (one: ModelInstance): void => {
    try {
      start(one);
    } catch (error) {
      if (!(error instanceof StackError)) throw error;
    }
  };
  const stop = (one: ModelInstance): void => {
    one.stoppedByRequest = true;
    if (!one.running) return;
    if (one.hungSince !== undefined || one.diskSince !== undefined) {
      crash(one);
      return;
    }
    // Its walsenders go last: whoever follows gets everything.
    if (one.role === 'primary') one.log = [...one.log, `end of ${one.id} in ${one.term.epoch}`];
    receive();
    one.running = false;
    one.cleanStop = true;
  };
  const crash = (one: ModelInstance, arrives = true): void => {
    if (!one.running) return;
    for (const other of instances.values()) {
      if (upstream(other) !== one || !isAble(other) || other.deaf || other.role !== 'replica') continue;
      if (arrives && isPrefix(other.log, one.log)) other.pending = { log: one.log, calls: calls() + ARRIVES_AFTER };
    }
    one.running = false;
    one.cleanStop = false;
    one.hungSince = undefined;
  };

  const befall = (what: Mishap, id: string): void => {
    const one = get(id);
    switch (what) {
      case 'die':
      case 'die-tail':
        if (!one.running) return;
        crash(one, what === 'die');
        one.died = { at: now(), count: ++one.deaths };
        return;
      case 'hang':
        if (one.running) one.hungSince ??= now();
        return;
      case 'wake':
        one.hungSince = undefined;
        return;
      case 'disk':
        one.diskSince ??= now();
        return;
      case 'down':
        one.down = true;
        one.downUntil = now() + DOWN_MS;
        return;
      case 'deaf':
      case 'hears':
        one.deaf = what === 'deaf';
        return;
      case 'hides':
        one.hidesWalEnd = true;
        return;
      case 'breaks':
        one.cannotStart = true;
        return;
      case 'stays':
        one.cannotPromote = true;
        return;
      case 'mends':
        one.cannotStart = false;
        one.cannotPromote = false;
        one.diskSince = undefined;
        one.hidesWalEnd = false;
        return;
    }
  };

  const fence = (one: ModelInstance, epoch: number): FenceEvidence => {
    if (epoch <= one.term.epoch || epoch < (one.fence ?? 0)) throw new StackError('StaleEpoch', `${one.id} is beyond`);
    one.fence = epoch;
    one.stoppedByRequest = true;
    crash(one);
    const { cleanStop = false, systemId, timeline, lsn: at } = report(one);
    return {
      instanceId: one.id,
      epoch,
      bootId: 'boot',
      cleanStop,
      ...(systemId && { systemId }),
      ...(timeline && { timeline }),
      ...(at && { lsn: at }),
      ...(one.hidesWalEnd ? {} : { walEnd: lsn(one.log.length) }),
      at: wall(now()),
    };
  };

  return { get, upstream, isAble, receive, report, mayStart, start, tryStart, stop, befall, fence };
}

/**
 * A model of S0 to S10: what an owner does next by the record and by what it has heard. The election in sync, F4 and the joint
 * changes are the real cores; the order of steps is that of `docs` of the switch, not the code of `switch/advance.ts`, which knows
 * neither grants nor sync yet.
 */
import type { SealAnswer } from '../sync/configuration.ts';
import { comparePositions } from '../sync/configuration.ts';
import { electSync, type SyncRecord } from '../sync/elect.ts';
import type { Hands } from './manager.ts';
import { tend } from './tending.ts';
import type { Wal } from './wal.ts';
import { type Evidence, instanceIds, knownOf, type Pulse, type SimRecord, SYSTEM_ID } from './world.ts';

export interface Suspicion {
  readonly pulse: Pulse;
  readonly atMs: number;
  /** Since when its engine does not answer, though its agent does. */
  readonly mutedMs: number | undefined;
}

export interface Findings {
  readonly sinceMs: number;
  readonly sealed: Map<string, Wal>;
  readonly stays: Map<string, Wal>;
  readonly fenced: Map<string, Wal>;
  /** When F4 held first. */
  endedMs: number | undefined;
}

export const newFindings = (sinceMs: number): Findings => ({
  sinceMs,
  sealed: new Map(),
  stays: new Map(),
  fenced: new Map(),
  endedMs: undefined,
});

/** How long others are waited for, once somebody could be elected. */
const GATHER_MS = 300;
/** How long the one elected may take. */
const PATIENCE_MS = 4_000;
/** Between two failovers that nobody asked for. */
const GAP_MS = 3_000;

export function drive(hands: Hands, request: { readonly inPlace: boolean } | undefined): void {
  const { owned } = hands;
  const { record } = owned;
  if (record.intent) gather(hands, record, record.intent);
  else if (record.step === 'S5') promote(hands, record);
  else if (request) propose(hands, record, request.inPlace);
  else if (suspicious(hands, record)) propose(hands, record, false);
  else tend(hands, record);
}

function propose({ write }: Hands, record: SimRecord, inPlace: boolean): void {
  write({ ...record, intent: { epoch: record.epoch + 1, from: record.primary, inPlace } });
}

function suspicious({ heard, nowMs, owned, world }: Hands, record: SimRecord): boolean {
  const { suspectMs, ttlMs } = world.profile;
  if (nowMs - owned.book.tookOverMs < ttlMs || nowMs - owned.findings.sinceMs < GAP_MS) return false;
  const primary = heard.get(record.primary);
  const others = [...heard.values()].filter(
    ({ pulse, atMs }) => pulse.instanceId !== record.primary && nowMs - atMs < 1_000,
  );
  if (others.length === 0) return false;
  if (primary && nowMs - primary.atMs < 600) {
    const { engine, epoch } = primary.pulse;
    if (epoch !== record.epoch) return false;
    // Died, and was not back soon; or hangs, though its agent lives.
    return primary.mutedMs !== undefined && nowMs - primary.mutedMs > (engine.up ? 3_000 : 1_000);
  }
  const silentMs = nowMs - (primary?.atMs ?? owned.book.tookOverMs);
  // A second observer: no replica has heard of it either.
  return silentMs > suspectMs && others.every(({ pulse }) => pulse.upstreamHeardMs > 1_500);
}

/** S2 and S3: evidence, and who has what. */
function gather(hands: Hands, record: SimRecord, { epoch, from, inPlace }: NonNullable<SimRecord['intent']>): void {
  const { tell, owned, world, nowMs } = hands;
  const { findings, generation } = owned;
  const order = { epoch, generation } as const;
  if (inPlace && nowMs - findings.sinceMs < 1_500) tell(from, { ...order, kind: 'stay' });
  else tell(from, { ...order, kind: 'fence' });
  const dead = findings.fenced.get(from);
  const skip = world.has('skip-fence') || (world.has('no-evidence-against-candidate') && record.step === 'S5');
  const ended = dead !== undefined || skip || (world.mode === 'async' && hands.leaseEnded());
  if (ended) findings.endedMs ??= nowMs;
  if (world.mode === 'sync' || ended) {
    for (const to of instanceIds)
      if (to !== from && !findings.sealed.has(to))
        tell(to, { ...order, kind: 'seal', ...(dead ? { proof: 'F1' as const } : {}) });
  }
  if (world.mode === 'sync') electInSync(hands, record, epoch, from);
  else if (ended) electInAsync(hands, record, epoch, from);
}

const says = (instanceId: string, tip: Wal, stopped = false): SealAnswer => ({
  instanceId,
  systemId: SYSTEM_ID,
  last: tip.position,
  ...(stopped ? { stopped } : {}),
});

function electInSync(hands: Hands, record: SimRecord, epoch: number, from: string): void {
  const { owned, nowMs, world } = hands;
  const { sealed, fenced, stays, sinceMs } = owned.findings;
  const sync = world.has('no-floor') ? { ...record.sync, floor: { epoch: 0, lsn: 0n } } : record.sync;
  const answers = [...sealed].filter(([id]) => id !== from).map(([id, tip]) => says(id, tip));
  const [dead, staying] = [fenced.get(from), stays.get(from)];
  const input = { sync, epoch, electable: [...instanceIds], instances: [...instanceIds] };
  // The replicas alone, where they suffice: they need no recovery. Else with the old primary, stopped or in place.
  const alone = electSync({ ...input, answers });
  const replicas = instanceIds.length - 1;
  if (alone.winner !== undefined && !staying) {
    if (answers.length < replicas && nowMs - sinceMs < GATHER_MS) return;
    commit(hands, record, epoch, alone.winner, sealed.get(alone.winner), alone.sync, {
      kind: dead ? 'F1' : 'F5',
      against: from,
    });
    return;
  }
  const old = dead ?? staying;
  if (!old) return;
  const inPlace = dead ? {} : { inPlace: from };
  const together = electSync({ ...input, ...inPlace, answers: [...answers, says(from, old, dead !== undefined)] });
  if (together.winner === undefined) return;
  // Who answered is a member of the new epoch: with nobody else its commits would wait for whom we have not heard.
  if (answers.length === 0 && nowMs - sinceMs < 4 * GATHER_MS) return;
  const tip = together.winner === from ? old : sealed.get(together.winner);
  const kind = together.winner !== from ? (dead ? 'F1' : 'F5') : dead ? 'F1' : 'in-place';
  // A replica that is elected beside a primary that goes on needs its answers alone to cover.
  if (kind === 'F5') return;
  const replaced = world.has('configuration-replaced');
  const { configurations } = together.sync;
  const kept = replaced ? configurations.slice(-1) : configurations;
  commit(
    hands,
    record,
    epoch,
    together.winner,
    tip,
    { ...together.sync, configurations: kept },
    { kind, against: from },
  );
}

function electInAsync(hands: Hands, record: SimRecord, epoch: number, from: string): void {
  const { owned, nowMs, world } = hands;
  const { sealed, fenced, endedMs = nowMs } = owned.findings;
  const dead = fenced.get(from);
  const may = (id: string): boolean => {
    const listed = record.electable[id];
    return listed !== undefined && (listed.confirmed || dead !== undefined || world.has('unknown-electable'));
  };
  const candidates = [...sealed]
    .filter(([id, tip]) => id !== from && may(id) && comparePositions(tip.position, record.began.position) >= 0)
    .sort(([, a], [, b]) => comparePositions(b.position, a.position));
  const [best] = candidates;
  const all = candidates.length === instanceIds.length - 1;
  if (dead) {
    // Lossless or in place.
    const full = best && comparePositions(best[1].position, dead.position) >= 0;
    if (full) commit(hands, record, epoch, best[0], best[1], record.sync, { kind: 'F1', against: from });
    else if (all || nowMs - endedMs > GATHER_MS)
      commit(hands, record, epoch, from, dead, record.sync, { kind: 'F1', against: from });
    return;
  }
  if (best && (all || nowMs - endedMs > GATHER_MS))
    commit(hands, record, epoch, best[0], best[1], record.sync, { kind: 'F4', against: from });
}

/** S4. */
function commit(
  { write, world }: Hands,
  record: SimRecord,
  epoch: number,
  primary: string,
  tip: Wal | undefined,
  sync: SyncRecord,
  evidence: Evidence,
): void {
  if (!tip) return;
  const { intent: _, ...rest } = record;
  // The mistake: the set of the new epoch is published when it is routed, not when it is elected.
  const published = world.has('sync-published-after-routing') ? record.sync : sync;
  write({
    ...rest,
    epoch,
    primary,
    began: tip,
    sync: published,
    step: 'S5',
    evidence,
    storedDeadlineMs: world.kernel.now() + world.profile.ttlMs + world.profile.marginMs,
  });
}

/** S5 and S6; S8' where it takes too long. */
function promote(hands: Hands, record: SimRecord): void {
  const { tell, heard, owned, nowMs, write, world } = hands;
  const { epoch, primary, sync } = record;
  const seen = heard.get(primary)?.pulse;
  if (seen?.engine.up && seen.engine.role === 'primary' && seen.engine.epoch === epoch) {
    write({ ...record, step: 'S8' });
    return;
  }
  if (nowMs - owned.findings.sinceMs > PATIENCE_MS) {
    write({ ...record, intent: { epoch: epoch + 1, from: primary, inPlace: false } });
    return;
  }
  const own = sync.configurations.at(-1);
  const unpublished = world.has('sync-published-after-routing') && own?.epoch !== epoch;
  const members = instanceIds.filter((id) => id !== primary);
  const configuration =
    world.mode === 'async' ? undefined : unpublished ? { version: epoch * 100, epoch, primary, k: 1, members } : own;
  tell(primary, {
    kind: 'promote',
    epoch,
    generation: owned.generation,
    configuration,
    known: knownOf(record),
    ...(world.has('grant-with-promote') ? { grantedMs: world.profile.ttlMs, sentMs: world.kernel.now() } : {}),
  });
}

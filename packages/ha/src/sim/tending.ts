/** S7 to S9, and what a quiet cluster needs: followers, the synchronous set, who is electable. */
import { changeStep, wantedFor } from '../sync/change.ts';
import { mayLoseWal } from '../sync/configuration.ts';
import type { Hands } from './manager.ts';
import { instanceIds, knownOf, type SimRecord } from './world.ts';

/** A member that was not heard of for so long leaves the set, and the electable ones. */
export const GONE_MS = 3_000;

export function tend(hands: Hands, record: SimRecord): void {
  const { heard, nowMs, owned, tell, write, world } = hands;
  const { epoch, primary } = record;
  const order = { epoch, generation: owned.generation } as const;
  const present = (id: string): boolean => nowMs - (heard.get(id)?.atMs ?? owned.book.tookOverMs) < GONE_MS;
  for (const id of instanceIds) {
    const seen = heard.get(id);
    if (id === primary || !seen || nowMs - seen.atMs > 600) continue;
    const { pulse } = seen;
    if (pulse.epoch === epoch && pulse.role === 'replica' && pulse.following === primary && pulse.streaming) continue;
    const mayRewind = world.mode === 'async' || mayLoseWal(id, pulse.tip.position.epoch, record.sync.configurations);
    tell(id, { ...order, kind: 'follow', upstream: primary, mayRewind });
  }
  const seen = heard.get(primary);
  if (!seen || nowMs - seen.atMs > 600 || seen.pulse.engine.epoch !== epoch) {
    // It may have lost its term, or have been overtaken before it was promoted.
    if (seen && nowMs - seen.atMs < 600 && (seen.pulse.epoch < epoch || seen.pulse.role === 'sealed'))
      tell(primary, {
        ...order,
        kind: 'promote',
        configuration: record.sync.configurations.at(-1),
        known: knownOf(record),
      });
    return;
  }
  const { pulse } = seen;
  if (record.step === 'S8') {
    if (!pulse.engine.open) return;
    const own = record.sync.configurations.at(-1);
    const late = world.has('sync-published-after-routing') && world.mode === 'sync' && own && own.epoch !== epoch;
    const members = instanceIds.filter((id) => id !== primary);
    const configurations = late
      ? [{ version: epoch * 100, epoch, primary, k: 1, members }]
      : record.sync.configurations;
    write({ ...record, sync: { ...record.sync, configurations }, step: 'done', routed: primary });
    return;
  }
  if (world.mode === 'sync') tendSync(hands, record, present);
  else tendElectable(hands, record, present);
}

function tendSync(hands: Hands, record: SimRecord, present: (id: string) => boolean): void {
  const { heard, owned, tell, write, nowMs } = hands;
  const { epoch, primary, sync } = record;
  const current = sync.configurations.at(-1);
  const pulse = heard.get(primary)?.pulse;
  if (!current || !pulse?.engine.open) return;
  const streaming = new Set(
    instanceIds.filter((id) => {
      const seen = heard.get(id);
      return (
        seen &&
        nowMs - seen.atMs < 600 &&
        seen.pulse.streaming &&
        seen.pulse.epoch === epoch &&
        seen.pulse.following === primary
      );
    }),
  );
  const gone = new Set(instanceIds.filter((id) => !present(id)));
  const wanted = wantedFor(current, 1, 'required', { streaming, gone });
  const effective = { version: pulse.effectiveVersion, provenVersion: pulse.provenVersion };
  const step = changeStep(sync, wanted, effective, { epoch, primary, switching: record.intent !== undefined });
  const order = { epoch, generation: owned.generation } as const;
  switch (step.kind) {
    case 'idle':
      return;
    case 'publish':
      // The mistake: the new set replaces the old one, which is still the one that commits wait for.
      if (hands.world.has('configuration-replaced'))
        write({ ...record, sync: { ...step.sync, configurations: step.sync.configurations.slice(-1) } });
      else write({ ...record, sync: step.sync });
      return;
    case 'apply':
      tell(primary, { ...order, kind: 'apply', configuration: step.configuration });
      return;
    case 'confirm':
      tell(primary, { ...order, kind: 'confirm', published: sync.configurations });
      return;
  }
}

/** A removal reaches the record before the primary forgets; who is added is electable once the primary has confirmed it. */
function tendElectable(hands: Hands, record: SimRecord, present: (id: string) => boolean): void {
  const { heard, owned, tell, write } = hands;
  const { epoch, primary, electable } = record;
  const pulse = heard.get(primary)?.pulse;
  const next: Record<string, { readonly since: number; readonly confirmed: boolean }> = {};
  let changed = false;
  for (const id of instanceIds) {
    const listed = electable[id];
    const stays = id === primary || present(id);
    if (!stays) {
      changed ||= listed !== undefined;
      continue;
    }
    const streaming = heard.get(id)?.pulse.streaming === true;
    if (!listed && (streaming || id === primary)) next[id] = { since: record.version + 1, confirmed: false };
    else if (listed && !listed.confirmed && pulse && pulse.knownVersion >= listed.since)
      next[id] = { ...listed, confirmed: true };
    else if (listed) next[id] = listed;
    changed ||= next[id] !== listed;
  }
  if (changed) write({ ...record, electable: next });
  else if (pulse && pulse.knownVersion < record.version)
    tell(primary, { kind: 'know', epoch, generation: owned.generation, known: knownOf(record) });
}

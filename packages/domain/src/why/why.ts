/**
 * What is wrong with a cluster or under way on it, since when, and what helps: a pure function of what is recorded.
 *
 * Invariants (tests cite them):
 * - WH1 The sentence is the first fact; the facts are in the order in which a person should act on them.
 * - WH2 Where something is wrong there is always something to do about it, in words.
 * - WH3 Nothing is said to be wrong that the records do not say.
 */
import type { MPDCluster, MPDOperation } from '@polarstack/api';
import { isCreated } from '../status/cluster-status.ts';
import { conditionFacts, deletionFacts } from './cluster-facts.ts';
import { endedFacts, operationFacts } from './operation-facts.ts';
import { type SwitchHistory, switchFacts } from './switch-facts.ts';

/** `wrong`: a person must act. `waits`: somebody or something is waited for. `busy`: work is under way. `note`: worth knowing. */
export type WhyLevel = 'wrong' | 'waits' | 'busy' | 'note' | 'fine';

export interface WhyFact {
  readonly level: WhyLevel;
  /** What it is about: an operation, the spec, an instance. */
  readonly subject: string;
  /** What is so, without its time. */
  readonly what: string;
  /** Code of the error table, where something is wrong. */
  readonly code?: string;
  /** ISO time. */
  readonly since?: string;
  /** What helps. */
  readonly help?: string;
  /** Name of the operation that it is about. */
  readonly operation?: string;
}

export interface Why {
  readonly level: WhyLevel;
  /** Everything that matters most, in one sentence. */
  readonly sentence: string;
  readonly facts: readonly WhyFact[];
}

export interface WhyInput {
  readonly cluster: MPDCluster;
  /** Those of this cluster; others are left out by their `spec.cluster`. */
  readonly operations: readonly MPDOperation[];
  /** What the HA record says of switches, where it can be read. */
  readonly switches?: SwitchHistory;
  readonly now: Date;
}

const urgency: Readonly<Record<WhyLevel, number>> = { wrong: 0, waits: 1, busy: 2, note: 3, fine: 4 };

export function why(input: WhyInput): Why {
  const { cluster, now } = input;
  const name = cluster.metadata.name ?? '';
  const operations = input.operations.filter(
    ({ spec, metadata }) =>
      spec.cluster === name && metadata.namespace === cluster.metadata.namespace && !spec.planOnly,
  );
  const urgent = [
    ...deletionFacts(cluster, operations),
    ...operationFacts(operations, now),
    ...conditionFacts(cluster, operations),
    ...switchFacts(input.switches, now),
  ].sort((a, b) => urgency[a.level] - urgency[b.level]);
  const facts = [...urgent, ...endedFacts(operations, now)];
  const [first] = facts;
  if (!first || first.level === 'note') {
    const calm = calmFact(cluster);
    const [note] = facts;
    const { since: _, ...untimed } = calm;
    const sentence = note ? `${calm.what}; lately: ${sentenceOf(note, now)}` : sentenceOf(untimed, now);
    return { level: calm.level, sentence: `${name}: ${sentence}`, facts: [calm, ...facts] };
  }
  return { level: first.level, sentence: `${name}: ${sentenceOf(first, now)}`, facts };
}

/** Nobody has said that anything is wrong; whether all is well is another matter. */
function calmFact(cluster: MPDCluster): WhyFact {
  const conditions = cluster.status?.conditions ?? [];
  const ready = conditions.find(({ type }) => type === 'Ready');
  const since = ready?.lastTransitionTime;
  const subject = 'cluster';
  if (ready?.status === 'True') {
    const instances = cluster.status?.instances;
    const what = `nothing is wrong, all instances work${instances ? ` (${instances})` : ''}`;
    return { level: 'fine', subject, what, ...(since && { since }) };
  }
  if (!isCreated(cluster)) {
    return {
      level: 'waits',
      subject,
      what: 'nobody has begun to make it yet',
      help: 'See whether an operator runs and serves it (spec.operatorName): `polarstack doctor`.',
    };
  }
  return { level: 'fine', subject, what: ready?.message ?? 'nothing is known to be wrong' };
}

/** A fact as a sentence, with how long ago it began and what helps. */
export function sentenceOf({ what, since, help }: WhyFact, now: Date): string {
  const ago = since === undefined ? '' : `, since ${ageOf(since, now)}`;
  const body = `${what.replace(/[.\s]+$/, '')}${ago}`;
  if (help === undefined) return `${body}.`;
  return `${body}; what helps: ${help.charAt(0).toLowerCase()}${help.slice(1).replace(/[.\s]+$/, '')}.`;
}

/** `3 min`, `2 h`: how long something has been so. */
export function ageOf(since: string, now: Date): string {
  const seconds = Math.max(0, Math.round((now.getTime() - Date.parse(since)) / 1000));
  if (Number.isNaN(seconds)) return since;
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7_200) return `${Math.round(seconds / 60)} min`;
  if (seconds < 172_800) return `${Math.round(seconds / 3_600)} h`;
  return `${Math.round(seconds / 86_400)} days`;
}

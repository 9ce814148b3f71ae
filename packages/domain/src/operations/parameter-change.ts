/**
 * What a flush of parameters changes, and in which order that reaches the engines.
 *
 * Invariants (tests cite them):
 * - PC1 A value that the template, the class or the consistency of all values refuses is refused before anything else.
 * - PC2 Of the values that a standby must not have lower than its RW, a higher one reaches every RO before the RW, a lower
 *   one reaches the RW first; so no replay ever stops for a value that is too small.
 * - PC3 A change that takes effect without a restart restarts nothing.
 * - PC4 With the class change the values that came from it, and no value that somebody chose.
 */
import type { InstanceClass } from '../catalog/classes.ts';
import type { ParameterTemplate, TemplateItem } from '../catalog/template.ts';
import { checkParameter, checkValue, type ParameterProblem } from '../parameters/check.ts';
import { checkConsistency } from '../parameters/consistency.ts';
import { planFlush, userItemsForClass } from '../parameters/flush.ts';
import { itemTime, type ParameterItem, type ParameterItems } from '../parameters/item.ts';
import { itemValues, mergeTemplate, writeValue } from '../parameters/layers.ts';
import { unquote } from '../parameters/quoting.ts';
import { isSameValue } from '../parameters/same-value.ts';
import { parseNumber } from '../parameters/units.ts';
import type { Refusal } from './operation-plan.ts';
import type { PlanFacts } from './plan-facts.ts';

export interface ChangedParameter {
  readonly name: string;
  /** As the ConfigMaps hold it; absent: the engine's own default. */
  readonly value?: string;
  readonly before?: string;
  readonly restart: boolean;
}

export interface ParameterChange {
  readonly changed: readonly ChangedParameter[];
  /** What users ask for afterwards, the wishes of the spec in it. */
  readonly user: ParameterItems;
}

export type ParameterVerdict =
  | { readonly ok: true; readonly change: ParameterChange }
  | { readonly ok: false; readonly refusal: Refusal };

/** Values that a standby must not have lower than its RW. Source: PostgreSQL, "Hot Standby", administrator's overview. */
export const standbySensitive: ReadonlySet<string> = new Set([
  'max_connections',
  'max_locks_per_transaction',
  'max_prepared_transactions',
  'max_wal_senders',
  'max_worker_processes',
]);

/** What a flush of the users' and the spec's wishes changes, judged; with `nextClass` also what follows from that. */
export function parameterChange(facts: PlanFacts, nextClass?: InstanceClass): ParameterVerdict {
  const { cluster, template, parameters, classes } = facts;
  const { user, running, broken, latestFlushTime, canUpdateLocked } = parameters;
  const refuse = (problem: Pick<ParameterProblem, 'code' | 'message' | 'remedy'>): ParameterVerdict => ({
    ok: false,
    refusal: { code: problem.code, message: problem.message, remedy: problem.remedy },
  });
  if (!template) {
    const remedy = 'Put the template back: `polarstack up` installs it.';
    return { ok: false, refusal: { code: 'CatalogInvalid', message: 'there is no parameter template', remedy } };
  }
  const [unreadable] = broken;
  if (unreadable) {
    return refuse({
      code: 'ParameterInvalid',
      message: `${cluster.metadata.name}-user-params: ${unreadable.key} ${unreadable.reason}`,
      remedy: 'Correct it: {"name": "…", "value": "…", "updateTime": "2026-01-31T12:00:00Z"}.',
    });
  }
  const instanceClass = nextClass ?? classes.get(cluster.status?.insClassInfo?.className ?? '');
  const merged = mergeTemplate(template, instanceClass?.parameters ?? {});
  const followed = nextClass ? followClass(facts, template, merged, nextClass) : user;
  const asked = withSpec(facts, merged, followed);
  const wishes = [...asked.values()].filter(({ name, value }) => {
    const before = running.get(name)?.value;
    return before === undefined || !isSameValue(template.find(name), before, value);
  });
  for (const { name, value } of wishes) {
    const item = template.find(name);
    const ofClass = followed.get(name) !== user.get(name) && asked.get(name) === followed.get(name);
    // What the template does not know may be an extension's: the engine itself is asked.
    const problem =
      item &&
      (ofClass ? checkValue(item, value) : checkParameter(template, name, value, { allowLocked: canUpdateLocked }));
    if (problem && isNewer(asked.get(name), running.get(name))) return refuse(problem);
  }
  const flush = planFlush({ merged, user: asked, running, latestFlushTime, canUpdateLocked });
  const changeable = [...flush.values].filter(([name]) => template.find(name)?.isUserChangeable);
  const [inconsistent] = checkConsistency(template, instanceClass, Object.fromEntries(changeable));
  if (inconsistent && (nextClass || flush.changed.some(({ name }) => name === inconsistent.name))) {
    return refuse(inconsistent);
  }
  const before = itemValues(running);
  const dropped = [...before.keys()].filter((name) => !asked.has(name) && !merged.has(name));
  const changed: readonly ChangedParameter[] = [
    ...flush.changed.map(({ name, value, restart }) => ({ name, value, restart, ...beforeOf(before, name) })),
    // Nobody knows whether an extension's value can be reloaded.
    ...dropped.map((name) => ({ name, restart: true, ...beforeOf(before, name) })),
  ];
  return { ok: true, change: { changed, user: asked } };
}

const beforeOf = (values: ReadonlyMap<string, string>, name: string): { readonly before?: string } => {
  const before = values.get(name);
  return before === undefined ? {} : { before };
};

/** Wishes older than what runs are not wishes any more. */
const isNewer = (asked: ParameterItem | undefined, running: ParameterItem | undefined): boolean =>
  running === undefined || Date.parse(asked?.updateTime ?? '') > Date.parse(running.updateTime);

/** Times have whole seconds, and an item must be younger than what runs to count. */
const youngest = ({ now, parameters: { running } }: PlanFacts): Date =>
  new Date(Math.max(now.getTime(), ...[...running.values()].map(({ updateTime }) => later(updateTime))));

/** The users' items as they are with another class. What the spec names was chosen, whatever its value. */
function followClass(
  facts: PlanFacts,
  template: ParameterTemplate,
  newMerged: ReadonlyMap<string, TemplateItem>,
  nextClass: InstanceClass,
): ParameterItems {
  const { cluster, classes, parameters } = facts;
  const { user, running, canUpdateLocked } = parameters;
  const oldClass = classes.get(cluster.status?.insClassInfo?.className ?? '')?.parameters ?? {};
  const now = youngest(facts);
  const items = new Map(
    userItemsForClass({
      oldMerged: mergeTemplate(template, oldClass),
      newMerged,
      oldClass,
      newClass: nextClass.parameters,
      user,
      running,
      canUpdateLocked,
      now,
    }),
  );
  for (const given of Object.keys(cluster.spec.parameters ?? {})) {
    const name = template.find(given)?.name ?? given;
    const chosen = user.get(name);
    if (chosen) items.set(name, chosen);
  }
  for (const given of Object.keys(nextClass.parameters)) {
    const item = newMerged.get(template.find(given)?.name ?? given);
    if (item && !items.has(item.name)) {
      items.set(item.name, { name: item.name, value: item.defaultValue, updateTime: itemTime(now) });
    }
  }
  return items;
}

/** The users' items with what the spec has changed since it was applied. */
function withSpec(facts: PlanFacts, merged: ReadonlyMap<string, TemplateItem>, user: ParameterItems): ParameterItems {
  const { cluster } = facts;
  const byLower = new Map([...merged.keys()].map((name) => [name.toLowerCase(), name]));
  const canonical = (name: string): string => byLower.get(name.toLowerCase()) ?? name;
  const named = (values: Readonly<Record<string, string>> = {}): ReadonlyMap<string, string> =>
    new Map(Object.entries(values).map(([name, value]) => [canonical(name), value]));
  const [wanted, applied] = [named(cluster.spec.parameters), named(cluster.status?.appliedSpec?.parameters)];
  const items = new Map(user);
  const updateTime = itemTime(youngest(facts));
  for (const [name, value] of wanted) {
    const item = merged.get(name);
    if (applied.get(name) !== value)
      items.set(name, { name, value: item ? writeValue(item, value) : value, updateTime });
  }
  for (const name of applied.keys()) {
    if (wanted.has(name)) continue;
    const item = merged.get(name);
    if (item) items.set(name, { name, value: item.defaultValue, updateTime });
    else items.delete(name);
  }
  return items;
}

const later = (time: string): number => (Date.parse(time) || 0) + 1_000;

/** Whether a change of a standby-sensitive value makes it smaller. */
export function isDecrease({ name, value, before }: ChangedParameter, item: TemplateItem | undefined): boolean {
  if (!standbySensitive.has(name)) return false;
  const number = (text: string | undefined): number | undefined => {
    if (text === undefined) return undefined;
    const parsed = parseNumber(unquote(text), 'INT', item?.baseUnit);
    return parsed.ok ? parsed.value : undefined;
  };
  const [from, to] = [number(before), number(value)];
  // One that cannot be compared is handled as the one that hurts more.
  return from === undefined || to === undefined || to < from;
}

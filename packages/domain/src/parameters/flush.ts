import type { TemplateItem } from '../catalog/template.ts';
import { allowedOf } from './check.ts';
import { itemTime, type ParameterItem, type ParameterItems } from './item.ts';
import { quote, unquote } from './quoting.ts';
import { isSameValue } from './same-value.ts';

/** Locked parameters that are left as they are even where they differ. Source: facts §5.7.2. */
const leftAlone = new Set(['ssl', 'ssl_cert_file', 'ssl_key_file', 'listen_addresses']);
/** Never taken from what runs. Source: facts §5.7.2. */
const neverFlushed = 'log_line_prefix';

export interface FlushInput {
  /** Template with the class's values as defaults. */
  readonly merged: ReadonlyMap<string, TemplateItem>;
  readonly user: ParameterItems;
  readonly running: ParameterItems;
  /** `latestFlushTime` of the user's ConfigMap; empty: never. */
  readonly latestFlushTime: string;
  readonly canUpdateLocked: boolean;
}

export interface FlushPlan {
  /** Every value that holds afterwards; strings in quotes. */
  readonly values: ReadonlyMap<string, string>;
  readonly changed: readonly { readonly name: string; readonly value: string; readonly restart: boolean }[];
}

/** Moments as the original and the cluster manager write them: with `Z` or an offset. Unreadable ones are the oldest. */
function later(a: string, b: string): boolean {
  const moment = (text: string) => Date.parse(text) || Number.NEGATIVE_INFINITY;
  return moment(a) > moment(b);
}

const needsRestart = (item: TemplateItem | undefined): boolean => item === undefined || !item.isDynamic;

/**
 * What a flush of the user's parameters does. Source: facts §5.7.2; different from it, a value that means what runs
 * counts as unchanged, and a locked parameter that only the user has is forced to its default like any other.
 */
export function planFlush({ merged, user, running, latestFlushTime, canUpdateLocked }: FlushInput): FlushPlan {
  const values = new Map<string, string>();
  const changed = new Map<string, { name: string; value: string; restart: boolean }>();
  const change = (name: string, value: string, before: string | undefined) => {
    values.set(name, value);
    if (before !== undefined && isSameValue(merged.get(name), before, value)) changed.delete(name);
    else changed.set(name, { name, value, restart: needsRestart(merged.get(name)) });
  };

  for (const { name, value, updateTime } of running.values()) {
    const asked = user.get(name);
    if (name === neverFlushed || !asked) continue;
    if (!later(asked.updateTime, updateTime)) values.set(name, quoteLike(value, asked.value, merged.get(name)));
    else if (later(latestFlushTime, asked.updateTime)) values.set(name, asked.value);
    else change(name, asked.value, value);
  }
  for (const { name, value } of user.values()) {
    if (!running.has(name)) change(name, value, undefined);
  }
  for (const item of merged.values()) {
    const value = values.get(item.name);
    if (value === undefined || item.isUserChangeable || canUpdateLocked || leftAlone.has(item.name)) continue;
    if (!isSameValue(item, value, item.defaultValue)) {
      change(item.name, item.defaultValue, running.get(item.name)?.value);
    }
  }
  return { values, changed: [...changed.values()].sort((a, b) => (a.name < b.name ? -1 : 1)) };
}

/** The cluster manager writes running strings without quotes; they get them back. */
function quoteLike(value: string, asked: string, item: TemplateItem | undefined): string {
  if (value.startsWith("'")) return value;
  const isText = item?.type === 'STRING' && allowedOf(item).kind === 'anything';
  const quoted = asked.startsWith("'") || item?.optional.startsWith("^'") || isText || /[,:]/.test(value);
  return quoted ? quote(value) : value;
}

export interface ClassChangeInput {
  /** With the old class's values, and with the new one's. */
  readonly oldMerged: ReadonlyMap<string, TemplateItem>;
  readonly newMerged: ReadonlyMap<string, TemplateItem>;
  readonly oldClass: Readonly<Record<string, string>>;
  readonly newClass: Readonly<Record<string, string>>;
  readonly user: ParameterItems;
  readonly running: ParameterItems;
  readonly canUpdateLocked: boolean;
  readonly now: Date;
}

/** The user's parameters when the class changes. Source: facts §5.7.3. */
export function userItemsForClass(input: ClassChangeInput): ParameterItems {
  const { newMerged, oldMerged, oldClass, newClass, user, running, canUpdateLocked, now } = input;
  const result = new Map<string, ParameterItem>();
  for (const item of user.values()) {
    const target = newMerged.get(item.name);
    // A parameter that only the old class had goes with it.
    if (!target && oldMerged.has(item.name)) continue;
    result.set(item.name, target && follows(target, item) ? moved(target, item) : item);
  }
  return result;

  function follows(target: TemplateItem, item: ParameterItem): boolean {
    if (unquote(target.defaultValue) === unquote(item.value)) return false;
    if (!target.isUserChangeable) return !canUpdateLocked;
    const [before, after] = [oldClass[item.name], newClass[item.name]];
    return after !== undefined && before !== undefined && unquote(before) === unquote(item.value) && before !== after;
  }

  function moved(target: TemplateItem, item: ParameterItem): ParameterItem {
    const runs = running.get(item.name);
    const same = runs !== undefined && unquote(runs.value) === unquote(target.defaultValue);
    return { name: item.name, value: target.defaultValue, updateTime: same ? runs.updateTime : itemTime(now) };
  }
}

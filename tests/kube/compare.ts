/**
 * Compares what two servers answered. Versions, uids, times and generated names differ between any two servers, so they
 * are replaced by their kind before; everything else counts, in bodies, messages and warnings.
 *
 * Entries of managedFields are in order of their times, to the second. Which of two writes of a case falls into the next
 * second is left to chance, on each server for itself: a list in its proper order is compared in the order that it has
 * when all its times are the same. One in any other order is marked, and so shows.
 */
import type { Entry } from './api.ts';
import { isObject, textAt } from './json.ts';

/** One place where the answers differ: `3 POST /api/v1/…: body.metadata.labels`. */
export interface Deviation {
  readonly where: string;
  readonly ours: unknown;
  readonly real: unknown;
}

export function compareTranscripts(ours: readonly Entry[], real: readonly Entry[]): readonly Deviation[] {
  const found: Deviation[] = [];
  for (let i = 0; i < Math.max(ours.length, real.length); i++) {
    const [mine, other] = [ours[i], real[i]];
    const asked = scrub(mine?.asked ?? other?.asked ?? '');
    if (mine === undefined || other === undefined || scrub(other.asked) !== asked) {
      found.push({ where: `${i + 1} ${String(asked)}`, ours: mine?.asked, real: other?.asked });
      break;
    }
    compare(scrub(mine.answered), scrub(other.answered), '', (place, a, b) => {
      found.push({ where: `${i + 1} ${String(asked)}: ${place.slice(1)}`, ours: a, real: b });
    });
  }
  return found;
}

function compare(a: unknown, b: unknown, place: string, differ: (place: string, a: unknown, b: unknown) => void): void {
  if (Array.isArray(a) && Array.isArray(b) && a.length === b.length) {
    for (const [i, item] of a.entries()) compare(item, b[i], `${place}[${i}]`, differ);
  } else if (isObject(a) && isObject(b)) {
    for (const key of new Set([...Object.keys(a), ...Object.keys(b)]))
      compare(a[key], b[key], `${place}.${key}`, differ);
  } else if (JSON.stringify(a) !== JSON.stringify(b)) differ(place, a, b);
}

const patterns: readonly (readonly [RegExp, string])[] = [
  [/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g, '<uid>'],
  [/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}(Z|\+00:00)/g, '<microtime>'],
  [/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(Z|\+00:00)/g, '<time>'],
  [
    /(resourceVersion=|resource version: |current: |resourceVersion, current: |ResourceVersion in record \()\d+/g,
    '$1<version>',
  ],
  [/\b10\.96\.\d+\.\d+\b/g, '<service address>'],
  [/(continue=)[^&]+/g, '$1<continue>'],
  [/<version> \(\d+\)/g, '<version> (<version>)'],
];

/** The value with everything that differs between any two servers replaced by its kind. */
export function scrub(value: unknown, field = ''): unknown {
  if (typeof value === 'string') {
    if (field === 'resourceVersion' && /^[1-9]\d*$/.test(value)) return '<version>';
    if (field === 'continue' && value !== '') return '<continue>';
    return patterns.reduce((text, [pattern, word]) => text.replace(pattern, word), value);
  }
  if (Array.isArray(value)) {
    const list: readonly unknown[] = field === 'managedFields' ? inOneSecond(value) : value;
    return list.map((item) => scrub(item));
  }
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [String(scrub(key)), scrub(item, key)]));
}

/** Entries without a time come before those with one. */
function inOneSecond(entries: readonly unknown[]): readonly unknown[] {
  const sorted = entries.toSorted(byKeys((entry) => textAt(entry, 'time')));
  const isProper = sorted.every((entry, i) => entry === entries[i]);
  if (!isProper) return ['<not in the order of their times>', ...entries];
  return entries.toSorted(byKeys((entry) => (textAt(entry, 'time') === '' ? '' : 'some')));
}

function byKeys(time: (entry: unknown) => string): (a: unknown, b: unknown) => number {
  const keys = (entry: unknown): readonly string[] => [
    textAt(entry, 'operation'),
    time(entry),
    ...['manager', 'apiVersion', 'subresource'].map((key) => textAt(entry, key)),
  ];
  return (a, b) => {
    const [mine, other] = [keys(a), keys(b)];
    const at = mine.findIndex((key, i) => key !== other[i]);
    return at < 0 ? 0 : (mine[at] ?? '') < (other[at] ?? '') ? -1 : 1;
  };
}

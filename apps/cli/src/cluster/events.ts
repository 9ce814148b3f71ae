import type { Event } from 'kubernetes-types/core/v1.js';
import { type Colors, stateCell } from '../output/colors.ts';
import { renderTable } from '../output/table.ts';
import { age } from '../output/values.ts';

/** When an event was said last. */
export function lastSeen(event: Event): string {
  return event.lastTimestamp ?? event.eventTime ?? event.firstTimestamp ?? event.metadata.creationTimestamp ?? '';
}

/**
 * Whether an event is about a cluster or about something that was made for it: everything is named `<cluster>-...`. Of
 * several clusters whose names begin alike, the longest name that fits is meant.
 */
export function isAbout(event: Event, cluster: string, clusters: readonly string[]): boolean {
  const { kind, name = '' } = event.involvedObject;
  if (kind === 'MPDCluster') return name === cluster;
  const fits = (each: string): boolean => name === each || name.startsWith(`${each}-`);
  const longest = clusters.filter(fits).sort((a, b) => b.length - a.length)[0];
  return fits(cluster) && (longest === undefined || longest.length <= cluster.length);
}

/** The oldest first, as they would be read in a log. */
export function sortEvents(events: readonly Event[]): readonly Event[] {
  return [...events].sort((a, b) => Date.parse(lastSeen(a)) - Date.parse(lastSeen(b)));
}

export function renderEvents(events: readonly Event[], colors: Colors, now: Date, head = true): string {
  const rows = events.map((event) => [
    age(lastSeen(event), now),
    stateCell(colors, event.type ?? ''),
    event.reason ?? '',
    `${event.involvedObject.kind?.toLowerCase()}/${event.involvedObject.name}`,
    `${event.message ?? ''}${(event.count ?? 1) > 1 ? ` (x${event.count})` : ''}`,
  ]);
  const table = renderTable(['AGE', 'TYPE', 'REASON', 'OBJECT', 'MESSAGE'], rows);
  return head ? table : table.slice(table.indexOf('\n') + 1);
}

/**
 * Ports on the host network. Source: facts of the original, §6.1 and §6.2; different from it, a full range is searched
 * once around, and its first port is handed out too.
 */
import { StackError } from '@polarstack/base';
import { type Counters, NEXT_EXTERNAL_PORT_KEY } from './ids.ts';

export const portRangeAnnotations = {
  engine: 'polarbox.novip.engine.port.range',
  external: 'polarbox.mpd.external.port.range',
  reserved: 'polarbox.mpd.reserved.port.ranges',
} as const;

export const defaultPortRanges = { engine: '5400-5800', external: '36000-39999', reserved: '' } as const;

export interface PortRange {
  readonly from: number;
  readonly to: number;
}

/** `n`, `a-b` or `a+k` (a to a+k), several parted by commas. Empty: none. */
export function parsePortRanges(text: string): readonly PortRange[] {
  return text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
    .map((part) => {
      const match = /^(\d{1,5})(?:([-+])(\d{1,5}))?$/.exec(part);
      const from = Number(match?.[1]);
      const second = Number(match?.[3] ?? 0);
      const to = match?.[2] === '-' ? second : from + second;
      if (!match || from < 1 || to > 65_535 || to < from) {
        throw new StackError('AllocationCorrupt', `${JSON.stringify(part)} is no range of ports`);
      }
      return { from, to };
    });
}

export const inRanges = (ranges: readonly PortRange[], port: number): boolean =>
  ranges.some(({ from, to }) => port >= from && port <= to);

/** Ports in use, by the ConfigMaps `cloud-provider-port-usage-<node>` of all nodes: their data keys. */
export function usedPorts(usage: readonly { readonly data?: Readonly<Record<string, string>> }[]): ReadonlySet<number> {
  return new Set(usage.flatMap(({ data }) => Object.keys(data ?? {}).map(Number)));
}

/** Takes the next free port of the external range, from the stored one on and once around. */
export function takeExternalPort(
  counters: Counters,
  ranges: { readonly external: readonly PortRange[]; readonly reserved: readonly PortRange[] },
  used: ReadonlySet<number>,
): { readonly port: number; readonly counters: Counters } {
  const ports = ranges.external.flatMap(({ from, to }) => Array.from({ length: to - from + 1 }, (_, i) => from + i));
  const last = Number(counters[NEXT_EXTERNAL_PORT_KEY] ?? 0);
  const start = ports.findIndex((port) => port > last);
  const order = start < 0 ? ports : [...ports.slice(start), ...ports.slice(0, start)];
  const port = order.find((candidate) => !used.has(candidate) && !inRanges(ranges.reserved, candidate));
  if (port === undefined) throw new StackError('NoFreePort', 'every port of the external range is in use');
  return { port, counters: { ...counters, [NEXT_EXTERNAL_PORT_KEY]: String(port) } };
}

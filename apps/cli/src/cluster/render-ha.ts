/** What a person is told of a cluster's high availability, from its HA record alone. */
import { flapGuards, flapState, type HaRecord, renderResult, type SwitchResult, settingsOf } from '@polarstack/ha';
import { renderTable } from '../output/table.ts';

/** The answer of `ha status`. The field names are a promise to scripts; null: not there. */
export interface HaView {
  readonly epoch: number;
  readonly primary: string;
  readonly mode: 'auto' | 'manual';
  readonly paused: { readonly by: string; readonly at: string } | null;
  /** Why no failover would be begun now though the mode is auto and it is not paused. */
  readonly heldBack: string | null;
  /** Those that count: failovers from before somebody ended a suspension do not. */
  readonly failovers: { readonly lastTenMinutes: number; readonly most: number };
  readonly members: readonly {
    readonly instance: string;
    readonly role: 'primary' | 'replica';
    readonly pod: string;
    readonly node: string | null;
    readonly electable: boolean;
  }[];
  readonly switch: {
    readonly id: string;
    readonly kind: string;
    readonly step: string;
    readonly from: string;
    readonly to: string;
    readonly because: string | null;
    readonly waitsFor: string | null;
  } | null;
  readonly last: SwitchResult | null;
}

export function haView(record: HaRecord, now: Date): HaView {
  const { mode, paused } = settingsOf(record);
  const { within, atMost } = flapState(record, now);
  const { switch: running } = record;
  const held = flapGuards(record, now).find(({ holds }) => !holds);
  return {
    epoch: record.epoch,
    primary: record.primary,
    mode,
    paused: paused?.failover ?? null,
    heldBack: held?.text ?? null,
    failovers: { lastTenMinutes: within, most: atMost },
    members: Object.entries(record.members).map(([instance, { pod, node, electable }]) => ({
      instance,
      role: instance === record.primary ? 'primary' : 'replica',
      pod,
      node: node ?? null,
      electable,
    })),
    switch: running
      ? {
          id: running.id,
          kind: running.kind,
          step: running.step,
          from: running.from,
          to: running.to,
          because: running.cause?.signals[0]?.text ?? running.cause?.verdict ?? null,
          waitsFor: running.trouble?.message ?? null,
        }
      : null,
    last: record.results.at(-1) ?? null,
  };
}

export function renderHaStatus(view: HaView): string {
  const { epoch, primary, mode, paused, heldBack, failovers, members, switch: running, last } = view;
  const automatic =
    mode === 'manual'
      ? 'manual: nothing fails over by itself'
      : paused
        ? `paused by ${paused.by} since ${paused.at}`
        : heldBack
          ? `held back: ${heldBack}`
          : 'automatic';
  return [
    `primary    ${primary}, epoch ${epoch}\n`,
    `failover   ${automatic}\n`,
    `limit      ${failovers.lastTenMinutes} of ${failovers.most} failovers in ten minutes\n`,
    ...(running
      ? [
          `under way  ${running.kind} from ${running.from} to ${running.to}, at ${running.step}${running.because ? `: ${running.because}` : ''}\n`,
          ...(running.waitsFor ? [`           waits: ${running.waitsFor}\n`] : []),
        ]
      : []),
    ...(last ? [`last       ${renderResult(last)[0]}\n`] : []),
    '\n',
    renderTable(
      ['INSTANCE', 'ROLE', 'POD', 'NODE', 'ELECTABLE'],
      members.map(({ instance, role, pod, node, electable }) => [
        instance,
        role,
        pod,
        node ?? '-',
        electable ? 'yes' : 'no',
      ]),
    ),
  ].join('');
}

/** One paragraph for each switch and failover, the oldest first. */
export function renderHaHistory(results: readonly SwitchResult[]): string {
  if (results.length === 0) return 'No primary has been switched yet.\n';
  return results
    .map((result) => {
      const [head, ...rest] = renderResult(result);
      return [head, ...rest.map((line) => `  ${line}`)].join('\n');
    })
    .join('\n\n')
    .concat('\n');
}

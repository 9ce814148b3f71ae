import { remedyOf } from './cluster-facts.ts';
import type { WhyFact } from './why.ts';

/** The part of the HA record that says how switches went; structurally that of packages/ha. */
export interface SwitchHistory {
  readonly request?: { readonly id: string; readonly target?: string; readonly requester: string; readonly at: string };
  readonly switch?: { readonly id: string; readonly step: string; readonly from: string; readonly to: string };
  readonly results: readonly {
    readonly id: string;
    readonly outcome: 'done' | 'refused' | 'failed';
    readonly code?: string;
    readonly message?: string;
    readonly remedy?: string;
    readonly from?: string;
    readonly to?: string;
    readonly pauseMs?: number;
    readonly at: string;
  }[];
}

/** How long a switch that was refused is news, in milliseconds. */
const NEWS_MS = 3_600_000;

/** A switch of the primary under way, asked for, or lately refused. */
export function switchFacts(history: SwitchHistory | undefined, now: Date): readonly WhyFact[] {
  if (!history) return [];
  const { request, switch: running } = history;
  if (running) {
    const what = `the RW moves from ${running.from} to ${running.to} (step ${running.step})`;
    return [{ level: 'busy', subject: 'switch', what }];
  }
  if (request) {
    const to = request.target === undefined ? 'the best RO' : request.target;
    const what = `a switch to ${to} is asked for and not taken up`;
    const help = 'See whether the cluster manager runs: `polarstack doctor`';
    return [{ level: 'busy', subject: 'switch', what, since: request.at, help }];
  }
  const last = history.results.at(-1);
  if (!last || last.outcome === 'done' || now.getTime() - Date.parse(last.at) > NEWS_MS) return [];
  const how = last.outcome === 'refused' ? 'was refused' : 'failed';
  const help = last.remedy ?? remedyOf(last.code);
  return [
    {
      level: 'note',
      subject: 'switch',
      what: `the last switch of the RW ${how}${last.code ? ` with ${last.code}` : ''}: ${last.message ?? ''}`,
      since: last.at,
      ...(last.code && { code: last.code }),
      ...(help && { help }),
    },
  ];
}

/** The history in the text of an HA record; undefined where there is none or it cannot be read: the operator says so elsewhere. */
export function switchHistoryOf(record: string | undefined): SwitchHistory | undefined {
  if (record === undefined) return undefined;
  try {
    const value = JSON.parse(record) as Partial<SwitchHistory> | null;
    return value && Array.isArray(value.results) ? (value as SwitchHistory) : undefined;
  } catch {
    return undefined;
  }
}

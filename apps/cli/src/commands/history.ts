import { type MPDOperation, MPDOperations } from '@polarstack/api';
import { isFinal } from '@polarstack/domain';
import type { Command } from 'commander';
import { getCluster } from '../cluster/find-cluster.ts';
import { sortOperations } from '../cluster/render-operations.ts';
import { withConnection } from '../connect/connect.ts';
import { addGlobals, connectionOptions, globalsOf } from '../connect/globals.ts';
import type { Io } from '../io.ts';
import { type Colors, stateCell } from '../output/colors.ts';
import { outputFormat, renderValue } from '../output/format.ts';
import { colorsFor, write } from '../output/screen.ts';
import { renderTable } from '../output/table.ts';
import { untilInterrupted } from './interrupt.ts';
import { readSwitches } from './why.ts';

/** One thing that happened to a cluster. The field names are a promise to scripts; null: not known. */
interface Past {
  readonly at: string;
  readonly what: string;
  readonly outcome: string;
  readonly requester: string | null;
  readonly reason: string | null;
  readonly tookMs: number | null;
  /** How long writes were held up, where that was measured. */
  readonly pauseMs: number | null;
  readonly message: string | null;
  readonly operation: string | null;
}

export function registerHistory(program: Command, io: Io): void {
  const command = program
    .command('history')
    .argument('<cluster>', 'its name')
    .description('what was done to a cluster, by whom, and how it ended, the newest last');
  addGlobals(command, ...connectionOptions, 'output').action(async (name: string) => {
    const globals = globalsOf(command);
    const format = outputFormat(globals.output, ['json', 'yaml']);
    await untilInterrupted(
      async (signal) =>
        await withConnection(globals, async (connection) => {
          const cluster = await getCluster(connection, name, signal);
          const { namespace = 'default' } = cluster.metadata;
          const [{ items }, switches] = await Promise.all([
            connection.client.list(MPDOperations, { namespace }, signal),
            readSwitches(connection, namespace, name, signal),
          ]);
          const operations = sortOperations(
            items.filter((one) => one.spec.cluster === name && isFinal(one) && !one.spec.planOnly),
          );
          const past = [...operations.map(ofOperation), ...(switches?.results ?? []).map(ofSwitch)].sort((a, b) =>
            a.at < b.at ? -1 : 1,
          );
          if (format === 'json' || format === 'yaml') await write(io, await renderValue(format, past));
          else await write(io, past.length === 0 ? 'Nothing has ended yet.\n' : render(past, colorsFor(io, globals)));
        }),
    );
  });
}

function ofOperation({ metadata, spec, status = {} }: MPDOperation): Past {
  const { startedAt, finishedAt, phase = 'Pending', error, message } = status;
  const took = Date.parse(finishedAt ?? '') - Date.parse(startedAt ?? '');
  return {
    at: finishedAt ?? metadata.creationTimestamp ?? '',
    what: spec.type,
    outcome: phase === 'Failed' && status.workflow === undefined ? 'Refused' : phase,
    requester: spec.requester ?? null,
    reason: spec.reason ?? null,
    tookMs: Number.isFinite(took) ? took : null,
    pauseMs: null,
    message: error ? `${error.code}: ${error.message ?? ''}` : (message ?? null),
    operation: metadata.name ?? null,
  };
}

type SwitchResult = NonNullable<Awaited<ReturnType<typeof readSwitches>>>['results'][number];

function ofSwitch(result: SwitchResult): Past {
  const { outcome, from, to, pauseMs, at, code, message } = result;
  const moved = from !== undefined && to !== undefined ? `RW ${from} to ${to}` : null;
  return {
    at,
    what: 'switch of the RW',
    outcome: { done: 'Succeeded', refused: 'Refused', failed: 'Failed' }[outcome] ?? outcome,
    requester: null,
    reason: null,
    tookMs: null,
    pauseMs: pauseMs ?? null,
    message: code === undefined ? moved : `${code}: ${message ?? ''}`,
    operation: null,
  };
}

function render(past: readonly Past[], colors: Colors): string {
  return renderTable(
    ['ENDED', 'WHAT', 'OUTCOME', 'BY', 'TOOK', 'PAUSE', 'WHY', 'MESSAGE'],
    past.map(({ at, what, outcome, requester, reason, tookMs, pauseMs, message }) => [
      at,
      what,
      stateCell(colors, outcome),
      requester ?? '-',
      tookMs === null ? '-' : `${(tookMs / 1000).toFixed(1)} s`,
      pauseMs === null ? '-' : `${pauseMs} ms`,
      reason ?? '-',
      message ?? '',
    ]),
  );
}

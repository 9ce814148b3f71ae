import { HA_RECORD_KEY, type MPDCluster, MPDClusters, names } from '@polarstack/api';
import { StackError, waitFor } from '@polarstack/base';
import { type HaRecord, parseRecord } from '@polarstack/ha';
import { ConfigMaps, createInformer } from '@polarstack/kube';
import type { Command } from 'commander';
import type { ConfigMap } from 'kubernetes-types/core/v1.js';
import { whoAsks } from '../change/make-operation.ts';
import { getCluster } from '../cluster/find-cluster.ts';
import { pauseMarks, resumeMarks } from '../cluster/ha-marks.ts';
import { type HaView, haView, renderHaHistory, renderHaStatus } from '../cluster/render-ha.ts';
import { type Connection, withConnection } from '../connect/connect.ts';
import { addGlobals, connectionOptions, type Globals, globalsOf } from '../connect/globals.ts';
import type { Io } from '../io.ts';
import { outputFormat, renderValue } from '../output/format.ts';
import { write } from '../output/screen.ts';
import { wholeNumber } from './arguments.ts';
import { untilInterrupted } from './interrupt.ts';

interface Flags {
  readonly watch?: boolean;
  readonly last?: number;
}

interface Run {
  readonly connection: Connection;
  readonly cluster: MPDCluster;
  readonly flags: Flags;
  readonly globals: Globals;
  readonly io: Io;
  readonly signal: AbortSignal;
}

/** How long the operator may need to hand a setting on. */
const HANDED_ON_MS = 60_000;

export function registerHa(program: Command, io: Io): void {
  const parent = program
    .command('ha')
    .description('who is primary and why, how it came to be so, and pauses of failover');
  const add = (name: string, description: string, work: (run: Run) => Promise<void>): Command => {
    const command = parent.command(name).argument('<cluster>', 'its name').description(description);
    addGlobals(command, ...connectionOptions, 'output').action(async (named: string, flags: Flags) => {
      const globals = globalsOf(command);
      outputFormat(globals.output, ['json', 'yaml']);
      await untilInterrupted(
        async (signal) =>
          await withConnection(globals, async (connection) => {
            const cluster = await getCluster(connection, named, signal);
            await work({ connection, cluster, flags, globals, io, signal });
          }),
      );
    });
    return command;
  };
  add('status', 'the primary and its epoch, what is under way, and whether failover is automatic', status).option(
    '-w, --watch',
    'stay, and say each change',
  );
  add(
    'history',
    'each switch and failover: what was seen, the evidence, the choice, what it took and what was lost',
    history,
  ).option('--last <number>', 'only so many, the newest', wholeNumber(1, 1_000));
  add('pause', 'nothing fails over by itself until it is resumed', async (run) => await mark(run, true));
  add('resume', 'end a pause of failover, and a suspension after too many', async (run) => await mark(run, false));
}

const keyOf = ({ metadata: { namespace = 'default', name = '' } }: MPDCluster) => ({
  namespace,
  name: names.haRecord(name),
});

function recordIn(object: ConfigMap | undefined, cluster: MPDCluster): HaRecord {
  const text = object?.data?.[HA_RECORD_KEY];
  if (text === undefined)
    throw new StackError('HaRecordMissing', `cluster ${cluster.metadata.name} has no record of who is primary (yet)`);
  return parseRecord(text);
}

const recordOf = async ({ connection: { client }, cluster, signal }: Run): Promise<HaRecord> =>
  recordIn(await client.find(ConfigMaps, keyOf(cluster), signal), cluster);

async function status(run: Run): Promise<void> {
  const { connection, cluster, flags, globals, io, signal } = run;
  const format = outputFormat(globals.output, ['json', 'yaml']);
  const show = async (record: HaRecord): Promise<void> => {
    const view = haView(record, new Date());
    await write(io, format === 'json' || format === 'yaml' ? await renderValue(format, view) : renderHaStatus(view));
  };
  if (flags.watch !== true) return await show(await recordOf(run));
  const { namespace, name } = keyOf(cluster);
  const informer = createInformer<ConfigMap>({
    client: connection.client,
    resource: ConfigMaps,
    namespace,
    fieldSelector: `metadata.name=${name}`,
  });
  let shown = Promise.resolve();
  let failure: unknown;
  informer.onChange(({ type, object }) => {
    if (type === 'DELETED') return;
    shown = shown
      .then(async () => {
        await show(recordIn(object, cluster));
        await write(io, '\n');
      })
      .catch((error: unknown) => {
        failure ??= error;
      });
  });
  await informer.start(signal);
  await shown;
  if (failure !== undefined) throw failure;
}

async function history(run: Run): Promise<void> {
  const { flags, globals, io } = run;
  const format = outputFormat(globals.output, ['json', 'yaml']);
  const { results } = await recordOf(run);
  const wanted = flags.last === undefined ? results : results.slice(-flags.last);
  await write(io, format === 'json' || format === 'yaml' ? await renderValue(format, wanted) : renderHaHistory(wanted));
}

/** Changes the annotations where that is due, and waits until whoever decides goes by them. */
async function mark(run: Run, pause: boolean): Promise<void> {
  const { connection, cluster, globals, io, signal } = run;
  const { namespace = 'default', name = '', uid } = cluster.metadata;
  const now = new Date();
  const { change, isHeeded } = pause
    ? pauseMarks(cluster, now, whoAsks())
    : resumeMarks(cluster, await recordOf(run), now, whoAsks());
  if (change) {
    // Another cluster of the same name is not the one that was meant.
    const body = { metadata: { uid, annotations: change } };
    await connection.client.patch(MPDClusters, { namespace, name }, { type: 'merge', body }, signal);
  }
  const record = await waitFor(
    'the operator to hand it on',
    async () => ((found) => (isHeeded(found) ? found : undefined))(await recordOf(run)),
    { signal, timeoutMs: HANDED_ON_MS, intervalMs: 200 },
  );
  const format = outputFormat(globals.output, ['json', 'yaml']);
  const view = haView(record, new Date());
  if (format === 'json' || format === 'yaml') return await write(io, await renderValue(format, view));
  await write(io, `${pause ? saidOfPause(name, view) : saidOfResume(name, view, change !== undefined)}\n`);
}

const saidOfPause = (name: string, { paused }: HaView): string =>
  `Failover of ${name} is paused (by ${paused?.by} since ${paused?.at}): nothing fails over by itself until \`polarstack ha resume ${name}\`.`;

function saidOfResume(name: string, { mode }: HaView, changed: boolean): string {
  const what = changed ? `Failover of ${name} goes on` : `Failover of ${name} was neither paused nor suspended`;
  return `${what}${mode === 'manual' ? '; but its mode is manual: set spec.ha.mode to auto' : ''}.`;
}

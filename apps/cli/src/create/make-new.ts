import type { MPDClusterInput } from '@polarstack/api';
import { inNamespace } from '../change/outcome.ts';
import { followOperation } from '../cluster/follow-operation.ts';
import { createProgressPrinter } from '../cluster/progress-printer.ts';
import type { Connection } from '../connect/connect.ts';
import type { Io } from '../io.ts';
import { colorsFor, write } from '../output/screen.ts';
import { ClusterInputs } from './check-new.ts';

export interface MakeOptions {
  readonly wait: boolean;
  /** In seconds. */
  readonly timeout: number;
  readonly io: Io;
  readonly color: boolean;
  readonly signal: AbortSignal;
}

/** Makes a cluster that was checked, and waits until it is ready. */
export async function makeNew(
  { client, namespace: fallback }: Connection,
  input: MPDClusterInput,
  { wait, timeout, io, color, signal }: MakeOptions,
): Promise<void> {
  const { metadata } = await client.create(ClusterInputs, input, signal);
  const { namespace = fallback, name = '', uid = '' } = metadata;
  if (!wait) {
    await write(io, `Cluster ${namespace}/${name} is being made; see \`polarstack status ${name}\`.\n`);
    return;
  }
  const printer = createProgressPrinter(io, colorsFor(io, { color }));
  await followOperation({ client, namespace, name, uid, wish: 'Ready', timeoutMs: timeout * 1000, printer, signal });
  await write(io, `Cluster ${namespace}/${name} is ready. Connect: polarstack psql ${name}${inNamespace(namespace)}\n`);
}

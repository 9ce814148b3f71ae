/**
 * `kubectl attach`: what a container says from now on. Containers here are started without an input, and what they write
 * to both of their outputs goes to one log; attaching is reading on in it.
 */
import { once } from 'node:events';
import type { Writable } from 'node:stream';
import type { ContainerRef, PodConnector } from '@polarstack/api';
import { errors } from '../http/status.ts';
import { stringAt } from '../json.ts';
import type { ObjectStore } from '../store/object-store.ts';
import { type ExecPlan, readStreams } from './exec.ts';
import { chooseContainer, findPod, requireConnector } from './pod.ts';

/** Throws 400 where there is nothing to attach to, or something is asked for that containers here do not have. */
export function planAttach(
  store: ObjectStore,
  connector: () => PodConnector | undefined,
  namespace: string,
  name: string,
  query: URLSearchParams,
): ExecPlan {
  const pod = findPod(store, namespace, name);
  const container = chooseContainer(pod, query.get('container'));
  const asked = readStreams(query);
  if (asked.stdin || asked.tty) {
    const way = 'attach without -i and -t, or run a command with `kubectl exec`';
    throw errors.badRequest(`container ${container} of pod ${name} was started without an input or a terminal: ${way}`);
  }
  const phase = stringAt(pod, 'status', 'phase') ?? 'Pending';
  if (phase === 'Succeeded' || phase === 'Failed') {
    throw errors.badRequest(`cannot attach to a container of a pod that has ended; current phase is ${phase}`);
  }
  const found = requireConnector(connector);
  const exec: PodConnector['exec'] = async (ref, { stdout }, signal) => {
    await readOn(found, ref, stdout, signal);
    return 0;
  };
  return { pod, ref: { namespace, pod: name, container }, connector: { ...found, exec }, command: [], ...asked };
}

/** Passes on what is written from now on, until the container has ended or the client left. */
async function readOn(
  connector: PodConnector,
  ref: ContainerRef,
  output: Writable,
  signal: AbortSignal,
): Promise<void> {
  const request = { follow: true, previous: false, tailLines: 0 };
  for await (const chunk of connector.logs(ref, request, signal)) {
    if (!output.write(chunk)) await once(output, 'drain', { signal });
  }
}

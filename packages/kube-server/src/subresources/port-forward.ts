/**
 * `kubectl port-forward`: for each connection of the user an error and a data stream with the same request id, over
 * SPDY. The server dials the pod's address; what it says is that of a kubelet.
 */
import { connect, type Socket } from 'node:net';
import { errors } from '../http/status.ts';
import { stringAt } from '../json.ts';
import { type SpdyReceiver, type SpdyStream, type SpdyTransport, serveSpdy } from '../spdy/session.ts';
import type { ObjectStore } from '../store/object-store.ts';
import { drained } from './drained.ts';
import { findPod } from './pod.ts';

/** Over WebSockets: messages carry the bytes of a SPDY connection. */
export const TUNNEL_PROTOCOL = 'SPDY/3.1+portforward.k8s.io';
/** Within an upgrade to SPDY. */
export const FORWARD_PROTOCOL = 'portforward.k8s.io';

export interface ForwardPlan {
  readonly pod: string;
  readonly address: string;
}

/** Where the ports of a pod are. Throws 404 for an unknown one and 400 for one that does not run. */
export function planForward(store: ObjectStore, namespace: string, name: string): ForwardPlan {
  const pod = findPod(store, namespace, name);
  const phase = stringAt(pod, 'status', 'phase') ?? 'Pending';
  if (phase !== 'Running') {
    throw errors.badRequest(`unable to forward port because pod is not running. Current status=${phase}`);
  }
  const address = stringAt(pod, 'status', 'podIP') ?? '';
  if (address === '') throw errors.badRequest(`pod ${name} has no address yet`);
  return { pod: name, address };
}

/** Serves one connection of a client, which may forward many connections of its user; resolves when it ends. */
export async function serveForward(plan: ForwardPlan, transport: SpdyTransport): Promise<void> {
  const errorStreams = new Map<string, SpdyStream>();
  await serveSpdy(transport, (stream) => {
    const { streamtype = '', port = '', requestid = '' } = stream.headers;
    if (!/^\d{1,5}$/.test(port) || Number(port) < 1 || Number(port) > 65_535) return undefined;
    switch (streamtype) {
      case 'error':
        errorStreams.set(requestid, stream);
        return { data: () => Promise.resolve(), ended: () => {}, reset: () => void errorStreams.delete(requestid) };
      case 'data': {
        const errorStream = errorStreams.get(requestid);
        errorStreams.delete(requestid);
        return errorStream ? forward(plan, Number(port), stream, errorStream) : undefined;
      }
      default:
        return undefined;
    }
  });
}

function forward({ pod, address }: ForwardPlan, port: number, data: SpdyStream, failures: SpdyStream): SpdyReceiver {
  const socket = connect({ host: address, port, allowHalfOpen: true });
  const broken = (): void => void socket.destroy();
  const work = async (): Promise<void> => {
    try {
      for await (const chunk of socket) await data.write(chunk as Buffer);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      await failures.write(Buffer.from(`error forwarding port ${port} to pod ${pod}: ${why}`));
    }
    await data.end();
    await failures.end();
  };
  // Only the connection to the client can fail here, and whoever serves that hears of it.
  work().catch(broken);
  return {
    data: async (bytes) => await pass(socket, bytes),
    ended: () => socket.end(),
    reset: broken,
  };
}

/** Writes, and waits while the pod does not read. */
async function pass(socket: Socket, bytes: Buffer): Promise<void> {
  // Why it ended is told by its reader.
  if (socket.destroyed || socket.writableEnded || socket.write(bytes)) return;
  await drained(socket);
}

/** Watches over WebSockets: the same requests, answered on another protocol, where the client asks for it. */
import { type IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import { partWith } from '../http/part-with.ts';
import { parsePath } from '../http/request-info.ts';
import type { Router } from '../http/router.ts';
import { failure } from '../http/status.ts';
import { parseUrl } from '../http/url.ts';

/** A watcher has nothing to say. */
const MAX_MESSAGE_BYTES = 4096;

/** Answers true for a request that it took: any on a resource itself. What is no watch is answered without upgrading. */
export function createWatchUpgrade(router: Router, signal: AbortSignal) {
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: MAX_MESSAGE_BYTES,
    handleProtocols: (offered) => [...offered][0] ?? false,
  });
  signal.addEventListener('abort', () => {
    for (const socket of sockets.clients) socket.terminate();
  });

  return (request: IncomingMessage, socket: Duplex, head: Buffer): boolean => {
    if (request.method !== 'GET' || request.headers.upgrade?.toLowerCase() !== 'websocket') return false;
    if (!URL.canParse(request.url ?? '/', 'https://localhost')) return false; // refused by whoever is next
    const path = parsePath(parseUrl(request).pathname);
    if (path.kind !== 'resource' || path.resource.subresource !== undefined) return false;
    const response = new ServerResponse(request);
    response.shouldKeepAlive = false;
    response.assignSocket(socket as Socket);
    response.once('finish', () => partWith(socket));
    const accept = (): WebSocket => {
      // As Kubernetes does; who is no browser may say anything.
      if (request.headers.origin === undefined) throw failure(403, 'Forbidden', 'a WebSocket needs an Origin header');
      response.detachSocket(socket as Socket);
      let accepted: WebSocket | undefined;
      sockets.handleUpgrade(request, socket, head, (connection) => {
        accepted = connection;
      });
      if (!accepted) throw failure(400, 'BadRequest', 'the WebSocket handshake was not understood');
      return accepted;
    };
    router(request, response, { accept });
    return true;
  };
}

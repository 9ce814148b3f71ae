import { type IncomingMessage, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import type { PodConnector } from '@polarstack/api';
import { type WebSocket, WebSocketServer } from 'ws';
import type { Audit } from '../audit/audit.ts';
import type { AuditTrail } from '../audit/event.ts';
import { type Attributes, type Authorizer, forbid } from '../http/authorize.ts';
import type { UserInfo } from '../http/identity.ts';
import { parsePath } from '../http/request-info.ts';
import { toStatus } from '../http/respond.ts';
import { errors, type FailureStatus } from '../http/status.ts';
import { parseUrl } from '../http/url.ts';
import type { Environment } from '../operations/environment.ts';
import { noAttach } from './attach.ts';
import { EXEC_PROTOCOLS, type ExecPlan, planExec, runExec } from './exec.ts';
import { acceptSpdy, tunnelTransport } from './forward-upgrade.ts';
import { type ForwardPlan, planForward, serveForward, TUNNEL_PROTOCOL } from './port-forward.ts';

export interface UpgradeOptions {
  readonly env: Environment;
  readonly authorizer: Authorizer;
  readonly authenticate: (request: IncomingMessage) => UserInfo;
  readonly connector: () => PodConnector | undefined;
  readonly signal: AbortSignal;
  readonly audit: Audit;
}

/** Largest message that a client may send at once. */
const MAX_MESSAGE_BYTES = 8 * 1024 * 1024;

type Plan =
  | { readonly type: 'exec'; readonly exec: ExecPlan }
  | { readonly type: 'forward'; readonly forward: ForwardPlan; readonly by: 'websocket' | 'spdy' };

/** Serves requests that ask for another protocol: `exec` over WebSockets, `portforward` over SPDY or over both. */
export function createUpgradeHandler(options: UpgradeOptions) {
  const { env, signal, audit } = options;
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: MAX_MESSAGE_BYTES,
    handleProtocols: (offered) =>
      [...EXEC_PROTOCOLS, TUNNEL_PROTOCOL].find((protocol) => offered.has(protocol)) ?? false,
  });
  signal.addEventListener('abort', () => {
    for (const socket of sockets.clients) socket.terminate();
  });

  const plan = (request: IncomingMessage, trail: AuditTrail): Plan => {
    const user = options.authenticate(request);
    trail.user = user;
    const url = parseUrl(request);
    const path = parsePath(url.pathname);
    if (path.kind !== 'resource') throw errors.noSuchPath();
    const { resource } = path;
    // Running commands is more than reading, whatever the method: it needs `create` on pods/exec.
    const attributes: Attributes = { verb: 'create', resource, path: url.pathname };
    if (!options.authorizer.allows(user, attributes)) throw forbid(user, attributes);
    const { group, plural, subresource, namespace = '', name = '' } = resource;
    const offered = (request.headers['sec-websocket-protocol'] ?? '').split(',').map((text) => text.trim());
    const upgrade = request.headers.upgrade?.toLowerCase();
    const offers = (protocols: readonly string[]): boolean =>
      upgrade === 'websocket' && protocols.some((protocol) => offered.includes(protocol));
    switch (group === '' ? `${plural}/${subresource}` : '') {
      case 'pods/exec': {
        const exec = planExec(env.store, options.connector, namespace, name, url.searchParams);
        if (offers(EXEC_PROTOCOLS)) return { type: 'exec', exec };
        throw errors.badRequest(`exec speaks WebSockets with one of the protocols ${EXEC_PROTOCOLS.join(', ')}`);
      }
      case 'pods/portforward': {
        const forward = planForward(env.store, namespace, name);
        if (offers([TUNNEL_PROTOCOL])) return { type: 'forward', forward, by: 'websocket' };
        if (upgrade === 'spdy/3.1') return { type: 'forward', forward, by: 'spdy' };
        throw errors.badRequest(`portforward speaks SPDY/3.1, or WebSockets with the protocol ${TUNNEL_PROTOCOL}`);
      }
      case 'pods/attach':
        throw noAttach();
      default:
        throw errors.badRequest(
          `this server upgrades connections for exec and portforward, not for ${subresource ?? plural}`,
        );
    }
  };

  const overWebSocket = (connection: WebSocket, planned: Plan): void => {
    const work =
      planned.type === 'exec'
        ? runExec(connection, planned.exec, signal)
        : serveForward(planned.forward, tunnelTransport(connection)).finally(() => connection.close());
    work.catch((error: unknown) => {
      env.logger.warn({ err: error }, `${planned.type} failed`);
      connection.terminate();
    });
  };

  const overSpdy = (socket: Duplex, head: Buffer, forward: ForwardPlan): void => {
    const stop = (): void => void socket.destroy();
    signal.addEventListener('abort', stop, { once: true });
    serveForward(forward, acceptSpdy(socket, head))
      .catch((error: unknown) => env.logger.warn({ err: error }, 'forward failed'))
      .finally(() => {
        signal.removeEventListener('abort', stop);
        stop();
      });
  };

  return (request: IncomingMessage, socket: Duplex, head: Buffer): void => {
    socket.on('error', () => socket.destroy());
    const { trail, began, refused } = audit.upgrade(request);
    let planned: Plan;
    try {
      planned = plan(request, trail);
    } catch (error) {
      const { code, reason } = refuse(socket, error);
      refused(code, reason);
      return;
    }
    began(socket);
    if (planned.type === 'forward' && planned.by === 'spdy') {
      overSpdy(socket, head, planned.forward);
      return;
    }
    sockets.handleUpgrade(request, socket, head, (connection) => overWebSocket(connection, planned));
  };
}

function refuse(socket: Duplex, error: unknown): FailureStatus {
  const status = toStatus(error);
  const body = JSON.stringify(status);
  socket.end(
    [
      `HTTP/1.1 ${status.code} ${STATUS_CODES[status.code] ?? ''}`,
      'Content-Type: application/json',
      `Content-Length: ${Buffer.byteLength(body)}`,
      'Connection: close',
      '',
      body,
    ].join('\r\n'),
  );
  return status;
}

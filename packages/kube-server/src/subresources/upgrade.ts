import { type IncomingMessage, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import type { PodConnector } from '@polarstack/api';
import { type WebSocket, WebSocketServer } from 'ws';
import type { Audit } from '../audit/audit.ts';
import type { AuditTrail } from '../audit/event.ts';
import { type Attributes, type Authorizer, forbid } from '../http/authorize.ts';
import type { UserInfo } from '../http/identity.ts';
import { partWith } from '../http/part-with.ts';
import { parsePath } from '../http/request-info.ts';
import { toStatus } from '../http/respond.ts';
import { errors, type FailureStatus } from '../http/status.ts';
import { parseUrl } from '../http/url.ts';
import type { Environment } from '../operations/environment.ts';
import { planAttach } from './attach.ts';
import { type ExecPlan, planExec } from './exec.ts';
import { SPDY_EXEC_PROTOCOL, serveSpdyExec } from './exec-spdy.ts';
import { EXEC_PROTOCOLS, runExec } from './exec-websocket.ts';
import { acceptSpdy, tunnelTransport } from './forward-upgrade.ts';
import { FORWARD_PROTOCOL, type ForwardPlan, planForward, serveForward, TUNNEL_PROTOCOL } from './port-forward.ts';

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
  | { readonly type: 'exec'; readonly exec: ExecPlan; readonly by: 'websocket' | 'spdy' }
  | { readonly type: 'forward'; readonly forward: ForwardPlan; readonly by: 'websocket' | 'spdy' };

/** Serves requests that ask for another protocol: `attach` and `exec` over WebSockets or SPDY, `portforward` over SPDY or over both. */
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
      case 'pods/attach':
      case 'pods/exec': {
        const planned = subresource === 'attach' ? planAttach : planExec;
        const exec = planned(env.store, options.connector, namespace, name, url.searchParams);
        if (offers(EXEC_PROTOCOLS)) return { type: 'exec', exec, by: 'websocket' };
        if (upgrade === 'spdy/3.1' && streamProtocols(request).includes(SPDY_EXEC_PROTOCOL)) {
          return { type: 'exec', exec, by: 'spdy' };
        }
        throw errors.badRequest(
          `${subresource} speaks SPDY/3.1 with the protocol ${SPDY_EXEC_PROTOCOL}, or WebSockets with one of ${EXEC_PROTOCOLS.join(', ')}`,
        );
      }
      case 'pods/portforward': {
        const forward = planForward(env.store, namespace, name);
        if (offers([TUNNEL_PROTOCOL])) return { type: 'forward', forward, by: 'websocket' };
        if (upgrade === 'spdy/3.1') return { type: 'forward', forward, by: 'spdy' };
        throw errors.badRequest(`portforward speaks SPDY/3.1, or WebSockets with the protocol ${TUNNEL_PROTOCOL}`);
      }
      default:
        throw errors.badRequest(
          `this server upgrades connections for attach, exec and portforward, not for ${subresource ?? plural}`,
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

  const overSpdy = (socket: Duplex, head: Buffer, planned: Plan): void => {
    const stop = (): void => void socket.destroy();
    signal.addEventListener('abort', stop, { once: true });
    const work =
      planned.type === 'exec'
        ? serveSpdyExec(planned.exec, acceptSpdy(socket, head, SPDY_EXEC_PROTOCOL), signal)
        : serveForward(planned.forward, acceptSpdy(socket, head, FORWARD_PROTOCOL));
    work
      .catch((error: unknown) => env.logger.warn({ err: error }, `${planned.type} failed`))
      .finally(() => {
        signal.removeEventListener('abort', stop);
        stop();
      });
  };

  return (request: IncomingMessage, socket: Duplex, head: Buffer): void => {
    socket.on('error', () => socket.destroy());
    const kept = audit.upgrade(request);
    let planned: Plan;
    try {
      planned = plan(request, kept.trail);
    } catch (error) {
      const { code, reason } = refuse(socket, error);
      kept.refused(code, reason);
      return;
    }
    kept.began(socket);
    if (planned.by === 'spdy') {
      overSpdy(socket, head, planned);
      return;
    }
    sockets.handleUpgrade(request, socket, head, (connection) => overWebSocket(connection, planned));
  };
}

/** What a client would speak within SPDY; each in a header of its own, or all in one. */
function streamProtocols({ headersDistinct }: IncomingMessage): readonly string[] {
  return (headersDistinct['x-stream-protocol-version'] ?? []).flatMap((line) =>
    line.split(',').map((protocol) => protocol.trim()),
  );
}

function refuse(socket: Duplex, error: unknown): FailureStatus {
  const status = toStatus(error);
  const body = JSON.stringify(status);
  partWith(
    socket,
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

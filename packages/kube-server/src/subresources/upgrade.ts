import { type IncomingMessage, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import type { PodConnector } from '@polarstack/api';
import { WebSocketServer } from 'ws';
import { type Attributes, type Authorizer, forbid } from '../http/authorize.ts';
import type { UserInfo } from '../http/identity.ts';
import { parsePath } from '../http/request-info.ts';
import { toStatus } from '../http/respond.ts';
import { errors } from '../http/status.ts';
import { parseUrl } from '../http/url.ts';
import type { Environment } from '../operations/environment.ts';
import { noAttach } from './attach.ts';
import { EXEC_PROTOCOLS, type ExecPlan, planExec, runExec } from './exec.ts';

export interface UpgradeOptions {
  readonly env: Environment;
  readonly authorizer: Authorizer;
  readonly authenticate: (request: IncomingMessage) => UserInfo;
  readonly connector: () => PodConnector | undefined;
  readonly signal: AbortSignal;
}

/** Largest message that a client may send at once. */
const MAX_MESSAGE_BYTES = 8 * 1024 * 1024;

/** Serves requests that ask for another protocol: `exec` over WebSockets, and nothing else. */
export function createUpgradeHandler(options: UpgradeOptions) {
  const { env, signal } = options;
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: MAX_MESSAGE_BYTES,
    handleProtocols: (offered) => EXEC_PROTOCOLS.find((protocol) => offered.has(protocol)) ?? false,
  });
  signal.addEventListener('abort', () => {
    for (const socket of sockets.clients) socket.terminate();
  });

  const plan = (request: IncomingMessage): ExecPlan => {
    const user = options.authenticate(request);
    const url = parseUrl(request);
    const path = parsePath(url.pathname);
    if (path.kind !== 'resource') throw errors.noSuchPath();
    const { resource } = path;
    // Running commands is more than reading, whatever the method: it needs `create` on pods/exec.
    const attributes: Attributes = { verb: 'create', resource, path: url.pathname };
    if (!options.authorizer.allows(user, attributes)) throw forbid(user, attributes);
    const { group, plural, subresource, namespace = '', name = '' } = resource;
    if (group === '' && plural === 'pods' && subresource === 'attach') throw noAttach();
    if (group !== '' || plural !== 'pods' || subresource !== 'exec') {
      throw errors.badRequest(`this server upgrades connections for exec alone, not for ${subresource ?? plural}`);
    }
    const planned = planExec(env.store, options.connector, namespace, name, url.searchParams);
    const offered = (request.headers['sec-websocket-protocol'] ?? '').split(',').map((text) => text.trim());
    if (request.headers.upgrade?.toLowerCase() !== 'websocket' || !EXEC_PROTOCOLS.some((p) => offered.includes(p))) {
      throw errors.badRequest(`exec speaks WebSockets with one of the protocols ${EXEC_PROTOCOLS.join(', ')}`);
    }
    return planned;
  };

  return (request: IncomingMessage, socket: Duplex, head: Buffer): void => {
    socket.on('error', () => socket.destroy());
    let planned: ExecPlan;
    try {
      planned = plan(request);
    } catch (error) {
      refuse(socket, error);
      return;
    }
    sockets.handleUpgrade(request, socket, head, (connection) => {
      runExec(connection, planned, signal).catch((error: unknown) => {
        env.logger.error({ err: error }, 'exec failed');
        connection.terminate();
      });
    });
  };
}

function refuse(socket: Duplex, error: unknown): void {
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
}

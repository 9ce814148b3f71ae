import http from 'node:http';
import https from 'node:https';
import { connect } from 'node:net';
import { Writable } from 'node:stream';
import { createSecureContext, type SecureContext } from 'node:tls';
import { StackError } from '@polarstack/base';
import type { Container, HTTPGetAction, Probe } from 'kubernetes-types/core/v1.js';

export interface ProbeTarget {
  readonly container: Container;
  readonly podIP: string;
  /** Runs a command in the container. */
  exec(argv: readonly string[], output: Writable, signal: AbortSignal): Promise<number>;
}

/** One look at a container: resolves where it is well, rejects with an Error saying what is not. */
export type ProbeCheck = (signal: AbortSignal) => Promise<void>;

function portNumber(port: number | string, container: Container): number {
  const number = Number(port);
  if (Number.isInteger(number)) return number;
  const named = container.ports?.find((candidate) => candidate.name === port);
  if (!named) throw new StackError('InvalidPod', `container ${container.name} has no port ${port}`);
  return named.containerPort;
}

function httpCheck(action: HTTPGetAction, target: ProbeTarget, agent: http.Agent): ProbeCheck {
  const secure = action.scheme === 'HTTPS';
  const headers = Object.fromEntries((action.httpHeaders ?? []).map(({ name, value }) => [name, value]));
  const once = (signal: AbortSignal, retried: boolean): Promise<void> =>
    new Promise((resolve, reject) => {
      const request = (secure ? https : http).request(
        {
          host: action.host ?? target.podIP,
          port: portNumber(action.port, target.container),
          path: action.path ?? '/',
          headers: { 'user-agent': 'polarstack-probe', ...headers },
          agent,
          signal,
          ...(secure ? { rejectUnauthorized: false } : {}),
        },
        (response) => {
          response.resume();
          response.once('error', reject);
          response.once('end', () => {
            const code = response.statusCode ?? 0;
            if (code >= 200 && code < 400) resolve();
            else reject(new Error(`HTTP probe answered with status ${code}`));
          });
        },
      );
      request.once('error', (error) => {
        // The server may have closed an idle connection at the very moment it was used again.
        if (request.reusedSocket && !retried && !signal.aborted) once(signal, true).then(resolve, reject);
        else reject(error);
      });
      request.end();
    });
  return (signal) => once(signal, false);
}

function tcpCheck(host: string, port: number): ProbeCheck {
  return (signal) =>
    new Promise((resolve, reject) => {
      const socket = connect({ host, port, signal });
      socket.once('connect', () => {
        socket.destroy();
        resolve();
      });
      socket.once('error', reject);
    });
}

const OUTPUT_LIMIT = 1024;

function execCheck(argv: readonly string[], target: ProbeTarget): ProbeCheck {
  return async (signal) => {
    let text = '';
    const output = new Writable({
      write(chunk: Buffer, _encoding, done) {
        if (text.length < OUTPUT_LIMIT) text += chunk.toString('utf8');
        done();
      },
    });
    const code = await target.exec(argv, output, signal);
    if (code !== 0) throw new Error(`command ended with ${code}: ${text.slice(0, OUTPUT_LIMIT).trim()}`);
  };
}

/** As in Kubernetes, a probe verifies no certificate: no authorities are read, neither at first nor for every connection. */
const nobodyTrusted = (): SecureContext => createSecureContext({ ca: [] });

/** The check of a probe, and how to let go of its connection. */
export function probeCheck(
  probe: Probe,
  target: ProbeTarget,
): { readonly check: ProbeCheck; readonly close: () => void } {
  if (probe.exec) return { check: execCheck(probe.exec.command ?? [], target), close: () => {} };
  if (probe.tcpSocket) {
    const port = portNumber(probe.tcpSocket.port, target.container);
    return { check: tcpCheck(probe.tcpSocket.host ?? target.podIP, port), close: () => {} };
  }
  if (probe.httpGet) {
    // One kept connection: a TLS handshake a second would cost both sides more than the rest of their idle work.
    const options = { keepAlive: true, maxSockets: 1, maxFreeSockets: 1 };
    const agent =
      probe.httpGet.scheme === 'HTTPS'
        ? new https.Agent({ ...options, secureContext: nobodyTrusted() })
        : new http.Agent(options);
    return { check: httpCheck(probe.httpGet, target, agent), close: () => agent.destroy() };
  }
  throw new StackError('InvalidPod', 'only exec, httpGet and tcpSocket probes are supported');
}

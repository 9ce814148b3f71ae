import { Agent, request } from 'node:https';
import type { SecureContext } from 'node:tls';
import { StackError } from '@polarstack/base';
import { type AgentPulse, SILENCE_MS } from './pulse.ts';

export interface WatchOptions {
  readonly host: string;
  readonly port: number;
  readonly serverName: string;
  readonly secureContext: SecureContext;
  /** How the agent is called in messages. */
  readonly what: string;
  /** Turns an answer that is no stream into the error it stands for. */
  readonly refusal: (answer: { readonly status: number; readonly text: string }) => StackError;
  /** Default {@link SILENCE_MS}. */
  readonly silenceMs?: number;
}

/** A pulse is about a kilobyte: what does not end within this is none. */
const MAX_LINE = 256 * 1024;

/**
 * One stream of pulses on a connection of its own: it must not wait behind calls, nor hold one of their connections for ever. See
 * `PulseSource.watch`.
 */
export async function watchPulses(
  { host, port, serverName, secureContext, what, refusal, silenceMs = SILENCE_MS }: WatchOptions,
  onPulse: (pulse: AgentPulse) => void,
  signal: AbortSignal,
): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((resolve, reject) => {
    let ended = false;
    const end = (settle: () => void): void => {
      if (ended) return;
      ended = true;
      clearTimeout(silence);
      signal.removeEventListener('abort', onAbort);
      req.destroy();
      settle();
    };
    const broken = (why: string, cause?: unknown): void =>
      end(() => reject(new StackError('AgentUnreachable', `${what}: ${why}`, { cause })));
    const onAbort = (): void => end(resolve);
    const agent = new Agent({ keepAlive: false, secureContext, servername: serverName });
    const req = request({ agent, host, port, path: '/v1/pulses' });
    const silence = setTimeout(() => broken(`no pulse for ${silenceMs} ms`), silenceMs);
    signal.addEventListener('abort', onAbort, { once: true });

    const take = (line: string): void => {
      let pulse: unknown;
      try {
        pulse = JSON.parse(line);
      } catch (error) {
        broken('a pulse is not JSON', error);
        return;
      }
      if (typeof pulse !== 'object' || pulse === null || !('sequence' in pulse) || !('engine' in pulse)) {
        broken('what came is no pulse');
        return;
      }
      silence.refresh();
      try {
        onPulse(pulse as AgentPulse);
      } catch (error) {
        end(() => reject(error));
      }
    };

    req.on('error', (error) => broken(error.message, error));
    req.once('response', (response) => {
      const isStream = response.statusCode === 200;
      let rest = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        rest += chunk;
        if (isStream) {
          const lines = rest.split('\n');
          rest = lines.pop() ?? '';
          for (const line of lines) if (!ended) take(line);
        }
        if (rest.length > MAX_LINE) broken('a pulse has no end');
      });
      response.on('error', (error) => broken(error.message, error));
      response.once('close', () => {
        if (isStream) broken('the stream ended');
        else end(() => reject(refusal({ status: response.statusCode ?? 0, text: rest })));
      });
    });
    req.end();
  });
}

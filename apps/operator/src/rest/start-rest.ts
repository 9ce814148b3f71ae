import { randomBytes } from 'node:crypto';
import { STACK_NAMESPACE } from '@polarstack/api';
import { type Clock, type Logger, systemClock, toStackError } from '@polarstack/base';
import { parseToken, TOKENS_SECRET, type TokenRecord, whoseToken } from '@polarstack/domain';
import { createInformer, type KubeClient, Secrets } from '@polarstack/kube';
import type { Secret } from 'kubernetes-types/core/v1.js';
import type { OperatorView } from './context.ts';
import { createJournal } from './journal.ts';
import { createRestServer, type Tls } from './rest-server.ts';

export interface RestOptions {
  readonly client: KubeClient;
  readonly view: OperatorView;
  /** Never `0.0.0.0` in a local home. */
  readonly host: string;
  /** 0: a free one. */
  readonly port: number;
  readonly tls: Tls;
  readonly logger: Logger;
  readonly signal: AbortSignal;
  readonly clock?: Clock;
  readonly heartbeatMs?: number;
}

export interface Rest {
  readonly url: string;
  close(): Promise<void>;
}

/** Serves the REST API of an operator. Tokens are watched: one that is revoked opens nothing from then on. */
export async function startRest(options: RestOptions): Promise<Rest> {
  const { client, view, host, port, tls, logger, clock = systemClock, heartbeatMs } = options;
  const stop = new AbortController();
  const signal = AbortSignal.any([options.signal, stop.signal]);
  const secrets = createInformer({
    client,
    resource: Secrets,
    namespace: STACK_NAMESPACE,
    fieldSelector: `metadata.name=${TOKENS_SECRET}`,
    onError: (error) => logger.warn({ err: toStackError(error) }, 'the tokens cannot be read; tried again'),
  });
  const journal = createJournal(view, randomBytes(4).toString('hex'));
  const whose = (token: string): TokenRecord | undefined =>
    whoseToken(token, recordsIn(secrets.get(`${STACK_NAMESPACE}/${TOKENS_SECRET}`)), clock.now());
  const server = createRestServer({
    context: { client, view, clock },
    journal,
    whose,
    tls,
    logger,
    ...(heartbeatMs !== undefined && { heartbeatMs }),
  });
  const watching = secrets.start(signal);
  try {
    await Promise.race([secrets.synced, watching]);
    const actual = await server.listen(host, port);
    return {
      url: `https://${host}:${actual}`,
      close: async () => {
        await server.close();
        journal.close();
        stop.abort();
        await watching;
      },
    };
  } catch (error) {
    journal.close();
    stop.abort();
    await watching;
    throw error;
  }
}

function recordsIn(secret: Secret | undefined): ReadonlyMap<string, TokenRecord> {
  const records = Object.entries(secret?.data ?? {}).flatMap(([id, data]): readonly [string, TokenRecord][] => {
    const record = parseToken(Buffer.from(data, 'base64').toString('utf8'));
    return record ? [[id, record]] : [];
  });
  return new Map(records);
}

import type { PodConnector } from '@polarstack/api';
import { isStackError, type Logger, systemClock } from '@polarstack/base';
import { type KubeServer, type ObjectStore, startKubeServer } from '@polarstack/kube-server';
import { API_PORT, addressTaken, apiAddress, canListen, freeBlocks, noBlockLeft } from '../home/block.ts';
import { claimBlock, claimedBlocks } from '../home/block-claims.ts';
import type { Home } from '../home/home.ts';
import { type HomeRecord, writeHomeRecord } from '../home/home-record.ts';
import { ensurePki, type HomePki } from '../home/pki.ts';
import { readAuditPolicy } from './audit-policy.ts';
import { serviceAddresses } from './catalog.ts';

export interface ApiOptions {
  readonly home: Home;
  readonly record: HomeRecord;
  readonly store: ObjectStore;
  readonly connector: () => PodConnector | undefined;
  readonly log: Logger;
}

export interface RunningApi {
  readonly server: KubeServer;
  readonly block: number;
  readonly pki: HomePki;
  readonly url: string;
}

/**
 * Starts the API server at the home's address. A new home gets the first block of addresses that works, and keeps it;
 * where a recorded one is taken by a stranger this throws `AddressInUse`, naming it.
 */
export async function startApi(options: ApiOptions): Promise<RunningApi> {
  const { home, record } = options;
  if (record.block !== undefined) return await startAtRecorded(record.block, options);
  for await (const block of freeBlocks(claimedBlocks(home))) {
    try {
      const api = await listen(block, options);
      writeHomeRecord(home, { ...record, block });
      claimBlock(home, block);
      return api;
    } catch (error) {
      // Another home was faster: it is theirs.
      if (!isStackError(error, 'AddressInUse')) throw error;
    }
  }
  throw noBlockLeft();
}

async function startAtRecorded(block: number, options: ApiOptions): Promise<RunningApi> {
  if (!(await canListen(apiAddress(block), API_PORT))) throw addressTaken(block);
  try {
    claimBlock(options.home, block);
    return await listen(block, options);
  } catch (error) {
    throw isStackError(error, 'AddressInUse') ? addressTaken(block, error) : error;
  }
}

async function listen(block: number, { home, store, connector, log }: ApiOptions): Promise<RunningApi> {
  const address = apiAddress(block);
  const pki = await ensurePki(home.pki, address, systemClock.now());
  const server = await startKubeServer({
    store,
    listen: { host: address, port: API_PORT },
    tls: { certPem: pki.server.certPem, keyPem: pki.server.keyPem, clientCaPem: pki.caPem },
    connector,
    serviceIPs: serviceAddresses(block),
    logger: log.child({ part: 'api' }),
    audit: { file: home.auditLog, policy: readAuditPolicy(home) },
    // It ends by `close`, after its clients.
    signal: new AbortController().signal,
  });
  return { server, block, pki, url: `https://${address}:${API_PORT}` };
}

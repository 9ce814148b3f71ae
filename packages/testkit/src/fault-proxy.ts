/**
 * A TCP proxy that misbehaves when told to: what a network does to connections, TLS or not.
 *
 * - X1 A connection whose bytes were once swallowed stays silent for ever: what comes after a gap is no stream any more.
 * - X2 Whatever was told, `stop` ends every connection and the port.
 */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

export interface FaultProxy {
  /** On 127.0.0.1; stays the same through `down` and `up`. */
  readonly port: number;
  /** Connections that are open now, the swallowed ones among them. */
  readonly open: number;
  /** Connections that were accepted so far. */
  readonly accepted: number;
  /**
   * Half-open: everything that either side sends is acknowledged and lost, and nobody is told. `all` does so to the
   * connections that are open and to new ones until `pass`; `open` lets new ones through.
   */
  swallow(which: 'all' | 'open'): void;
  /** New connections work again. */
  pass(): void;
  /** Pause before each piece of data in either direction, in milliseconds; 0 for none. */
  delay(ms: number): void;
  /** New connections are reset after this many bytes to the client; undefined for no limit. */
  limit(bytes: number | undefined): void;
  /** Resets every open connection (RST, to both sides). */
  reset(): void;
  /** Refuses connections and resets those that are open. */
  down(): Promise<void>;
  up(): Promise<void>;
  stop(): Promise<void>;
}

interface Link {
  readonly ends: readonly [client: Socket, server: Socket];
  isSilent: boolean;
  left: number;
}

/** In front of `target`, on a free port. */
export async function startFaultProxy(target: { readonly host: string; readonly port: number }): Promise<FaultProxy> {
  const links = new Set<Link>();
  const stopping = new AbortController();
  let accepted = 0;
  let swallowsNew = false;
  let delayMs = 0;
  let limit: number | undefined;
  let isUp = true;

  const drop = (link: Link): void => {
    links.delete(link);
    for (const end of link.ends) end.resetAndDestroy();
  };

  /** One direction: in order, and no faster than its receiver takes it. */
  const carry = async (link: Link, from: Socket, to: Socket, counts: boolean): Promise<void> => {
    for await (const chunk of from as AsyncIterable<Buffer>) {
      if (delayMs > 0) await sleep(delayMs, undefined, { signal: stopping.signal });
      if (link.isSilent) continue;
      const piece = counts ? chunk.subarray(0, link.left) : chunk;
      if (counts) link.left -= piece.length;
      if (!to.write(piece)) await Promise.race([once(to, 'drain'), once(to, 'close')]);
      if (counts && link.left <= 0) {
        // What was let through arrives before the reset, as it would if the network broke then.
        await new Promise((resolve) => to.write('', resolve));
        drop(link);
      }
    }
    if (!link.isSilent) to.end();
  };

  const accept = (client: Socket): void => {
    accepted += 1;
    const server = connect({ ...target, allowHalfOpen: true });
    const link: Link = { ends: [client, server], isSilent: swallowsNew, left: limit ?? Number.POSITIVE_INFINITY };
    links.add(link);
    for (const end of link.ends) {
      end.setNoDelay(true);
      // Each end of a broken connection says so; the other one is broken then too, unless it is to know of nothing.
      end.on('error', () => {});
      end.on('close', (failed) => {
        if (failed && !link.isSilent) drop(link);
        if (link.ends.every(({ destroyed }) => destroyed)) links.delete(link);
      });
    }
    const end = (error: unknown): void => {
      if (!link.isSilent) drop(link);
      else if (!(error instanceof Error)) throw error;
    };
    carry(link, client, server, false).catch(end);
    carry(link, server, client, true).catch(end);
  };

  const listener = createServer({ allowHalfOpen: true }, accept);
  const listen = async (port: number): Promise<void> => {
    listener.listen(port, '127.0.0.1');
    await once(listener, 'listening');
  };
  const unlisten = async (): Promise<void> => {
    for (const link of links) drop(link);
    if (!isUp) return;
    isUp = false;
    await new Promise((resolve) => listener.close(resolve));
  };
  await listen(0);
  const { port } = listener.address() as AddressInfo;

  return {
    port,
    get open() {
      return links.size;
    },
    get accepted() {
      return accepted;
    },
    swallow: (which) => {
      for (const link of links) link.isSilent = true;
      swallowsNew = which === 'all';
    },
    pass: () => {
      swallowsNew = false;
    },
    delay: (ms) => {
      delayMs = ms;
    },
    limit: (bytes) => {
      limit = bytes;
    },
    reset: () => {
      for (const link of links) drop(link);
    },
    down: unlisten,
    up: async () => {
      if (isUp) return;
      await listen(port);
      isUp = true;
    },
    stop: async () => {
      stopping.abort();
      await unlisten();
    },
  };
}

/**
 * The addresses of a home: everything it listens on lies in 127.B.0.0/16, so homes with different blocks B never meet.
 */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { createServer } from 'node:net';
import { StackError } from '@polarstack/base';
import { commandOf } from '../machine/process-identity.ts';

export const API_PORT = 6443;
const LAST_BLOCK = 254;

export const apiAddress = (block: number): string => `127.${block}.0.1`;

/** A TCP socket that listens, as `/proc/net/tcp` shows it. */
interface Listener {
  readonly address: string;
  readonly port: number;
  readonly inode: string;
}

/** All IPv4 listeners of this machine. */
export function listeners(table: string = readFileSync('/proc/net/tcp', 'utf8')): readonly Listener[] {
  return table
    .split('\n')
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .filter((fields) => fields[3] === '0A')
    .map((fields) => {
      const [hex = '', port = ''] = (fields[1] ?? '').split(':');
      // The kernel prints the address as a number of the machine's own, little-endian, byte order.
      const bytes = hex.match(/../g)?.reverse() ?? [];
      return {
        address: bytes.map((byte) => Number.parseInt(byte, 16)).join('.'),
        port: Number.parseInt(port, 16),
        inode: fields[9] ?? '',
      };
    });
}

/** Who listens on an address, as far as this user may see: `pid 12 (nginx -g ...)`, else `another program`. */
export function describeListener(address: string, port: number): string {
  const inodes = new Set(
    listeners()
      .filter((each) => each.port === port && (each.address === address || each.address === '0.0.0.0'))
      .map(({ inode }) => `socket:[${inode}]`),
  );
  const pid = inodes.size > 0 ? processHolding(inodes) : undefined;
  return pid === undefined ? 'another program (of another user, as it seems)' : `pid ${pid} (${commandOf(pid)})`;
}

function processHolding(links: ReadonlySet<string>): number | undefined {
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const found = readdirSync(`/proc/${name}/fd`).some((fd) => links.has(readlinkSync(`/proc/${name}/fd/${fd}`)));
      if (found) return Number(name);
    } catch {
      // Gone while we looked, or not ours to look into.
    }
  }
  return undefined;
}

/** Whether we can listen on an address right now. */
export async function canListen(address: string, port: number): Promise<boolean> {
  const server = createServer();
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ host: address, port, exclusive: true }, resolve);
    });
    return true;
  } catch {
    return false;
  } finally {
    await new Promise<void>((resolve) => {
      server.close(() => resolve());
    });
  }
}

/**
 * The addresses of nodes, pods and services of a block. A home whose control process is dead listens there still, so
 * the API server's address alone does not say that a block is free.
 */
const isUsedBy = (block: number, { address }: Listener): boolean =>
  new RegExp(`^127\\.${block}\\.(1[1-3]|20)\\.`).test(address);

/**
 * The blocks on which nobody listens, best first: those that no other home has claimed, from 0 up, then the claimed
 * ones. The caller tries to listen: between this look and that, somebody else may.
 */
export async function* freeBlocks(claimed: ReadonlySet<number>): AsyncGenerator<number> {
  const taken = listeners();
  const all = Array.from({ length: LAST_BLOCK + 1 }, (_, block) => block);
  for (const block of [...all.filter((one) => !claimed.has(one)), ...claimed]) {
    if (taken.some((listener) => isUsedBy(block, listener))) continue;
    if (await canListen(apiAddress(block), API_PORT)) yield block;
  }
}

export const noBlockLeft = (): StackError =>
  new StackError('AddressInUse', `no address 127.B.0.1:${API_PORT} is free, for B from 0 to ${LAST_BLOCK}`);

/** The error for the address of a block that was chosen earlier and is now somebody else's. */
export function addressTaken(block: number, cause?: unknown): StackError {
  const address = apiAddress(block);
  const who = describeListener(address, API_PORT);
  return new StackError('AddressInUse', `${address}:${API_PORT}, this home's address, is taken by ${who}`, {
    cause,
    details: { address, port: API_PORT },
  });
}

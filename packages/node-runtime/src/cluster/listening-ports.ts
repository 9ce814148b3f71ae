import { readFile } from 'node:fs/promises';

const LISTEN = '0A';

/** `0B00007F:1538` (little-endian IPv4) -> address and port. */
function parseIPv4(text: string): { address: string; port: number } | undefined {
  const match = text.match(/^([0-9A-F]{8}):([0-9A-F]{4})$/);
  if (!match) return undefined;
  const bytes = (match[1]?.match(/../g) ?? []).map((byte) => Number.parseInt(byte, 16)).reverse();
  return { address: bytes.join('.'), port: Number.parseInt(match[2] ?? '', 16) };
}

/** Ports that something listens on, at `address` or at all addresses, from the text of `/proc/net/tcp[6]`. */
export function parseListeners(table: string, address: string): readonly number[] {
  const ports: number[] = [];
  for (const line of table.split('\n').slice(1)) {
    const [, local = '', , state] = line.trim().split(/\s+/);
    if (state !== LISTEN) continue;
    const v4 = parseIPv4(local);
    if (v4 && (v4.address === address || v4.address === '0.0.0.0')) ports.push(v4.port);
    // A listener on :: takes IPv4 connections too, unless it says otherwise: taken for used.
    const v6 = local.match(/^0{32}:([0-9A-F]{4})$/);
    if (v6) ports.push(Number.parseInt(v6[1] ?? '', 16));
  }
  return ports;
}

/** The kernel's tables of TCP sockets; passive: nothing is bound for it. */
export async function socketTables(): Promise<readonly string[]> {
  const paths = ['/proc/net/tcp', '/proc/net/tcp6'];
  return await Promise.all(paths.map((path) => readFile(path, 'latin1').catch(() => '')));
}

/** Addresses of the internet protocol, as Kubernetes reads and writes them. */
import { isIPv4, isIPv6 } from 'node:net';

export interface Address {
  readonly family: 4 | 6;
  /** 4 or 16 bytes. */
  readonly bytes: readonly number[];
}

export interface Network {
  readonly address: Address;
  readonly bits: number;
}

const hexGroups = (text: string): readonly number[] =>
  text === ''
    ? []
    : text.split(':').flatMap((group) => (group.includes('.') ? pairs(group) : [Number.parseInt(group, 16)]));

/** The last four bytes of an IPv6 address may be written as IPv4. */
function pairs(text: string): readonly number[] {
  const [a = 0, b = 0, c = 0, d = 0] = text.split('.').map(Number);
  return [a * 256 + b, c * 256 + d];
}

/** Undefined where the text is no address. Zones (`fe80::1%eth0`) are none. */
export function parseAddress(text: string): Address | undefined {
  if (isIPv4(text)) return { family: 4, bytes: text.split('.').map(Number) };
  if (!isIPv6(text) || text.includes('%')) return undefined;
  const [head = '', tail] = text.split('::', 2);
  const left = hexGroups(head);
  const right = hexGroups(tail ?? '');
  const groups = tail === undefined ? left : [...left, ...Array(8 - left.length - right.length).fill(0), ...right];
  return { family: 6, bytes: groups.flatMap((group: number) => [group >> 8, group & 0xff]) };
}

/** `::ffff:1.2.3.4`, which is an IPv4 address written as IPv6. */
export function isMapped({ family, bytes }: Address): boolean {
  return family === 6 && bytes.slice(0, 10).every((byte) => byte === 0) && bytes[10] === 0xff && bytes[11] === 0xff;
}

/** The one way in which an address should be written (RFC 5952). */
export function addressText(address: Address): string {
  if (address.family === 4) return address.bytes.join('.');
  const groups = Array.from(
    { length: 8 },
    (_, i) => (address.bytes[i * 2] ?? 0) * 256 + (address.bytes[i * 2 + 1] ?? 0),
  );
  let longest = { start: -1, length: 1 };
  for (let start = 0; start < 8; start++) {
    let length = 0;
    while (start + length < 8 && groups[start + length] === 0) length++;
    if (length > longest.length) longest = { start, length };
  }
  const text = (part: readonly number[]): string => part.map((group) => group.toString(16)).join(':');
  if (longest.start < 0) return text(groups);
  return `${text(groups.slice(0, longest.start))}::${text(groups.slice(longest.start + longest.length))}`;
}

export function parseNetwork(text: string): Network | undefined {
  const match = /^([^/]+)\/(0|[1-9]\d{0,2})$/.exec(text);
  const address = match ? parseAddress(match[1] ?? '') : undefined;
  const bits = Number(match?.[2]);
  return address && bits <= address.bytes.length * 8 ? { address, bits } : undefined;
}

/** The address with everything after the network's bits set to zero. */
export function maskedBytes({ address, bits }: Network): readonly number[] {
  return address.bytes.map((byte, i) => {
    const kept = Math.min(Math.max(bits - i * 8, 0), 8);
    return byte & (0xff << (8 - kept)) & 0xff;
  });
}

export function contains(network: Network, address: Address): boolean {
  if (network.address.family !== address.family) return false;
  const own = maskedBytes(network);
  return maskedBytes({ address, bits: network.bits }).every((byte, i) => byte === own[i]);
}

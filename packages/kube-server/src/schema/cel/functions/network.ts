/** Addresses of the web (`url`) and of the network (`ip`, `cidr`). */
import {
  type Address,
  addressText,
  contains,
  isMapped,
  maskedBytes,
  type Network,
  parseAddress,
  parseNetwork,
} from '../../address.ts';
import { isRequestUri } from '../../formats.ts';
import { CelError, type CelValue, list, map, noSuchOverload } from '../values.ts';
import type { CelFunction, CelFunctions } from './function.ts';
import { isTagged } from './operators.ts';

function text(value: CelValue | undefined): string {
  if (typeof value !== 'string') throw noSuchOverload();
  return value;
}

const BASE = 'relative://relative.invalid';

function parseUrl(value: string): CelValue {
  if (!isRequestUri(value)) {
    throw new CelError(
      `URL parse error during conversion from string: parse ${JSON.stringify(value)}: invalid URI for request`,
    );
  }
  return { tag: 'url', url: new URL(value, BASE), text: value };
}

/** What the text has between `//` and the path, as it was written. */
function authority(value: string): string {
  const match = /^[A-Za-z][A-Za-z0-9+.-]*:\/\/([^/?#]*)/.exec(value);
  return (match?.[1] ?? '').replace(/^[^@]*@/, '');
}

const port = (value: string): string => /:(\d*)$/.exec(authority(value))?.[1] ?? '';

const ofUrl =
  (answer: (url: URL, written: string) => CelValue): CelFunction =>
  ([value = null]) => {
    if (!isTagged(value, 'url')) throw noSuchOverload();
    return answer(value.url, value.text);
  };

function queryOf(url: URL): CelValue {
  const found = new Map<string, CelValue[]>();
  for (const [key, value] of url.searchParams) found.set(key, [...(found.get(key) ?? []), value]);
  return map([...found].map(([key, values]) => [key, list(values)] as const));
}

/** Throws where it is no address that rules may use. */
function addressOf(value: string): Address {
  const zone = /^(.*)%/.exec(value)?.[1];
  if (zone !== undefined && parseAddress(zone)?.family === 6) {
    throw new CelError(`IP address ${JSON.stringify(value)} with zone value is not allowed`);
  }
  const address = parseAddress(value);
  if (!address) {
    throw new CelError(
      `IP Address ${JSON.stringify(value)} parse error during conversion from string: ParseAddr(${JSON.stringify(value)}): unable to parse IP`,
    );
  }
  if (isMapped(address)) throw new CelError(`IPv4-mapped IPv6 address ${JSON.stringify(value)} is not allowed`);
  return address;
}

function networkOf(value: string): Network {
  const network = parseNetwork(value);
  const failed = 'network address parse error during conversion from string: ';
  if (!network) throw new CelError(`${failed}${failed}netip.ParsePrefix(${JSON.stringify(value)}): no '/'`);
  if (isMapped(network.address)) {
    throw new CelError(`${failed}IPv4-mapped IPv6 address ${JSON.stringify(value)} is not allowed`);
  }
  return network;
}

const isRight = (attempt: () => unknown): boolean => {
  try {
    attempt();
    return true;
  } catch (error) {
    if (error instanceof CelError) return false;
    throw error;
  }
};

function ofAddress(answer: (address: Address) => CelValue): CelFunction {
  return ([value = null]) => {
    if (!isTagged(value, 'ip')) throw noSuchOverload();
    return answer(value.address);
  };
}

function ofNetwork(answer: (network: Network, other: CelValue) => CelValue): CelFunction {
  return ([value = null, other = null]) => {
    if (!isTagged(value, 'cidr')) throw noSuchOverload();
    return answer(value.network, other);
  };
}

const isUnspecified = ({ bytes }: Address): boolean => bytes.every((byte) => byte === 0);
const isLoopback = ({ family, bytes }: Address): boolean =>
  family === 4 ? bytes[0] === 127 : bytes.every((byte, i) => byte === (i === 15 ? 1 : 0));
const isMulticast = ({ family, bytes: [first = 0] }: Address): boolean =>
  family === 4 ? first >> 4 === 0xe : first === 0xff;
const isLinkLocalUnicast = ({ family, bytes: [first = 0, second = 0] }: Address): boolean =>
  family === 4 ? first === 169 && second === 254 : first === 0xfe && (second & 0xc0) === 0x80;
const isLinkLocalMulticast = ({ family, bytes: [first = 0, second = 0, third = 0] }: Address): boolean =>
  family === 4 ? first === 224 && second === 0 && third === 0 : first === 0xff && (second & 0x0f) === 0x02;
const isBroadcast = ({ family, bytes }: Address): boolean => family === 4 && bytes.every((byte) => byte === 255);

export const network: CelFunctions = {
  url: ([value]) => parseUrl(text(value)),
  isURL: ([value]) => isRequestUri(text(value)),
  getScheme: ofUrl((_url, written) => /^([A-Za-z][A-Za-z0-9+.-]*):/.exec(written)?.[1]?.toLowerCase() ?? ''),
  getHost: ofUrl((_url, written) => authority(written)),
  getHostname: ofUrl((_url, written) =>
    authority(written)
      .replace(/:\d*$/, '')
      .replace(/^\[(.*)\]$/, '$1'),
  ),
  getPort: ofUrl((_url, written) => port(written)),
  getEscapedPath: ofUrl((_url, written) =>
    written.replace(/^[A-Za-z][A-Za-z0-9+.-]*:(?:\/\/[^/?#]*)?/, '').replace(/[?#][\s\S]*$/, ''),
  ),
  getQuery: ofUrl(queryOf),
  ip: ([value = null]) => ({
    tag: 'ip',
    address: isTagged(value, 'cidr') ? value.network.address : addressOf(text(value)),
  }),
  isIP: ([value]) => isRight(() => addressOf(text(value))),
  'ip.isCanonical': ([value]) => addressText(addressOf(text(value))) === value,
  family: ofAddress(({ family }) => BigInt(family)),
  isUnspecified: ofAddress(isUnspecified),
  isLoopback: ofAddress(isLoopback),
  isLinkLocalUnicast: ofAddress(isLinkLocalUnicast),
  isLinkLocalMulticast: ofAddress(isLinkLocalMulticast),
  isGlobalUnicast: ofAddress(
    (address) =>
      ![isUnspecified, isLoopback, isMulticast, isLinkLocalUnicast, isBroadcast].some((test) => test(address)),
  ),
  cidr: ([value]) => ({ tag: 'cidr', network: networkOf(text(value)) }),
  isCIDR: ([value]) => isRight(() => networkOf(text(value))),
  containsIP: ofNetwork((own, other) => contains(own, isTagged(other, 'ip') ? other.address : addressOf(text(other)))),
  containsCIDR: ofNetwork((own, other) => {
    const inner = isTagged(other, 'cidr') ? other.network : networkOf(text(other));
    return own.bits <= inner.bits && contains(own, inner.address);
  }),
  prefixLength: ofNetwork(({ bits }) => BigInt(bits)),
  masked: ofNetwork((own) => ({
    tag: 'cidr',
    network: { address: { family: own.address.family, bytes: maskedBytes(own) }, bits: own.bits },
  })),
};

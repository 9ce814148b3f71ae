import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeProtobuf } from './protobuf.ts';
import { ApiError } from './status.ts';

/** The wire format, written by hand: the other side of what is tested. */
const varint = (value: number | bigint): Buffer => {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  do {
    bytes.push(Number(rest & 0x7fn) | (rest > 0x7fn ? 0x80 : 0));
    rest >>= 7n;
  } while (rest > 0n);
  return Buffer.from(bytes);
};
const number = (field: number, value: number | bigint): Buffer => Buffer.concat([varint(field * 8), varint(value)]);
const bytes = (field: number, ...parts: readonly (Buffer | string)[]): Buffer => {
  const content = Buffer.concat(parts.map((part) => Buffer.from(part)));
  return Buffer.concat([varint(field * 8 + 2), varint(content.length), content]);
};
const envelope = (apiVersion: string, kind: string, ...raw: readonly Buffer[]): Buffer =>
  Buffer.concat([Buffer.from('k8s\0'), bytes(1, bytes(1, apiVersion), bytes(2, kind)), bytes(2, ...raw)]);

const named = bytes(1, bytes(1, 'x'));

describe('a protobuf body', () => {
  it('keeps a zero that was meant and drops one that was not (P1)', () => {
    const spec = (...fields: readonly Buffer[]) =>
      decodeProtobuf(envelope('apps/v1', 'Deployment', named, bytes(2, ...fields)));
    expect(spec(number(1, 0), number(5, 0))).toMatchObject({ spec: { replicas: 0 } });
    expect(spec(number(5, 0)).spec).toEqual({});
    expect(decodeProtobuf(envelope('v1', 'ConfigMap', named, number(4, 0)))).toMatchObject({ immutable: false });
  });

  it('puts the fields of inlined messages where JSON has them (P1)', () => {
    const volume = bytes(1, bytes(1, 'data'), bytes(2, bytes(19, bytes(1, bytes(1, 'settings')), number(3, 0o640))));
    expect(decodeProtobuf(envelope('v1', 'Pod', named, bytes(2, volume)))).toEqual({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'x' },
      spec: { volumes: [{ name: 'data', configMap: { name: 'settings', defaultMode: 0o640 } }] },
    });
  });

  it('reads times, quantities, numbers below zero and maps of bytes (P1)', () => {
    const lease = (...parts: readonly Buffer[]) =>
      decodeProtobuf(envelope('coordination.k8s.io/v1', 'Lease', named, bytes(2, ...parts))).spec;
    const renewed = bytes(4, number(1, 1_700_000_000), number(2, 12_345_678));
    expect(lease(number(2, 15), renewed)).toEqual({
      leaseDurationSeconds: 15,
      renewTime: '2023-11-14T22:13:20.012345Z',
    });
    const secret = envelope('v1', 'Secret', named, bytes(2, bytes(1, '__proto__'), bytes(2, 'hidden')));
    const { data } = decodeProtobuf(secret);
    expect(Object.entries(data as object)).toEqual([['__proto__', Buffer.from('hidden').toString('base64')]]);
    const toleration = bytes(22, bytes(1, 'k'), number(5, -7n));
    expect(decodeProtobuf(envelope('v1', 'Pod', named, bytes(2, toleration)))).toMatchObject({
      spec: { tolerations: [{ key: 'k', tolerationSeconds: -7 }] },
    });
  });

  it('reads the options of a deletion in the name of any group', () => {
    const body = envelope('apps/v1', 'DeleteOptions', number(1, 0), bytes(4, 'Foreground'));
    expect(decodeProtobuf(body)).toMatchObject({ gracePeriodSeconds: 0, propagationPolicy: 'Foreground' });
  });

  it('is refused with 415 where its kind is not known', () => {
    for (const [version, kind] of [
      ['v1', 'Nothing'],
      ['apps/v1beta1', 'Deployment'],
      ['v1', '__proto__'],
    ] as const) {
      expect(() => decodeProtobuf(envelope(version, kind))).toThrow(/cannot be sent as protobuf/);
    }
  });

  it('is at worst refused, whatever it holds (P2)', () => {
    const kinds = fc.constantFrom(
      ['v1', 'Pod'] as const,
      ['apps/v1', 'Deployment'] as const,
      ['apiextensions.k8s.io/v1', 'CustomResourceDefinition'] as const,
      ['coordination.k8s.io/v1', 'Lease'] as const,
    );
    const piece: fc.Arbitrary<Buffer> = fc.letrec<{ piece: Buffer }>((tie) => ({
      piece: fc.oneof(
        { depthSize: 'small' },
        fc.uint8Array({ maxLength: 20 }).map((raw) => Buffer.from(raw)),
        fc
          .tuple(fc.integer({ min: 1, max: 45 }), fc.bigInt({ min: -5n, max: 2n ** 64n }))
          .map(([f, v]) => number(f, v)),
        fc.tuple(fc.integer({ min: 1, max: 45 }), fc.array(tie('piece'))).map(([f, parts]) => bytes(f, ...parts)),
      ),
    })).piece;
    fc.assert(
      fc.property(kinds, fc.array(piece), ([version, kind], raw) => {
        try {
          JSON.stringify(decodeProtobuf(envelope(version, kind, ...raw)));
        } catch (error) {
          expect(error).toBeInstanceOf(ApiError);
        }
      }),
      { numRuns: 2_000 },
    );
  });

  it('is refused where it nests without end (P2)', () => {
    let schema: Buffer = Buffer.alloc(0);
    for (let i = 0; i < 5_000; i++) schema = bytes(28, schema);
    const version = bytes(7, bytes(1, 'v1'), bytes(4, bytes(1, schema)));
    const body = envelope(
      'apiextensions.k8s.io/v1',
      'CustomResourceDefinition',
      named,
      bytes(1, version),
      bytes(2, version),
    );
    expect(() => decodeProtobuf(body)).toThrow(ApiError);
  });
});

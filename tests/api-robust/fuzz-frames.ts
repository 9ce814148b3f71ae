/** Connections that are upgraded, and what is then sent on them. */
import fc from 'fast-check';
import type { FuzzContent, SpdyPiece } from './fuzz-requests.ts';
import { target } from './fuzz-targets.ts';
import { query } from './fuzz-words.ts';

const opcode = fc.constantFrom(0, 1, 2, 3, 8, 9, 10, 15);
const frame = fc
  .record({
    fin: fc.boolean(),
    rsv: fc.constantFrom(0, 0, 0, 0x40, 0x70),
    opcode,
    masked: fc.constantFrom(true, true, true, false),
    length: fc.constantFrom('right', 'right', 'right', 'long', 'huge'),
    payload: fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc
        .tuple(fc.constantFrom(0, 1, 2, 3, 4, 255), fc.uint8Array({ maxLength: 100 }))
        .map(([channel, rest]) => Uint8Array.from([channel, ...rest])),
    ),
  })
  .map(({ fin, rsv, opcode: code, masked, length, payload }) => {
    const size = length === 'right' ? payload.length : payload.length + 1_000;
    const head =
      length === 'huge'
        ? [127 | (masked ? 128 : 0), 0x7f, 255, 255, 255, 255, 255, 255, 255]
        : size < 126
          ? [size | (masked ? 128 : 0)]
          : [126 | (masked ? 128 : 0), size >> 8, size & 255];
    return Buffer.from([(fin ? 128 : 0) | rsv | code, ...head, ...(masked ? [0, 0, 0, 0] : []), ...payload]);
  });
const runningPod = '/api/v1/namespaces/default/pods/running';
export const websocket: fc.Arbitrary<FuzzContent> = fc.record({
  type: fc.constant('websocket' as const),
  path: fc.oneof(
    fc.constantFrom(
      `${runningPod}/exec?command=cat&stdin=true&stdout=true`,
      `${runningPod}/exec?command=fail`,
      `${runningPod}/portforward?ports=1`,
      '/api/v1/namespaces/default/configmaps?watch=true',
      '/api/v1/configmaps?watch=true&resourceVersion=0',
      `${runningPod}/log?follow=true`,
    ),
    fc.tuple(target, query).map(([one, asked]) => `${one.path}${asked}`),
  ),
  protocol: fc.constantFrom(
    'v5.channel.k8s.io',
    'v4.channel.k8s.io',
    'SPDY/3.1+portforward.k8s.io',
    'nonsense',
    'v5.channel.k8s.io, v4.channel.k8s.io',
    '',
    ',,',
  ),
  frames: fc.array(
    fc.oneof(
      { weight: 6, arbitrary: frame },
      { weight: 1, arbitrary: fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes)) },
    ),
    { maxLength: 8 },
  ),
});

const stream = fc.constantFrom(0, 1, 3, 5, 5, 2, 0x7fffffff);
const controlFrame = fc
  .record({
    version: fc.constantFrom(3, 3, 3, 3, 2, 0),
    kind: fc.nat(12),
    flags: fc.nat(3),
    body: fc.uint8Array({ maxLength: 40 }),
    lie: fc.constantFrom(0, 0, 0, 0, 7, 0xfffff0),
  })
  .map(({ version, kind: number_, flags, body, lie }) => {
    const size = Math.min(0xffffff, body.length + lie);
    return Buffer.from([
      0x80 | (version >> 8),
      version,
      0,
      number_,
      flags,
      size >> 16,
      (size >> 8) & 255,
      size & 255,
      ...body,
    ]);
  });
const dataFrame = fc.tuple(stream, fc.nat(3), fc.uint8Array({ maxLength: 60 })).map(([id, flags, body]) => {
  const head = Buffer.alloc(8);
  head.writeUInt32BE(id & 0x7fffffff, 0);
  head.writeUInt8(flags, 4);
  head.writeUIntBE(body.length, 5, 3);
  return Buffer.concat([head, body]);
});
const piece: fc.Arbitrary<SpdyPiece> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      type: fc.constant('open' as const),
      stream,
      headers: fc.record({
        streamtype: fc.constantFrom('error', 'data', 'other', ''),
        port: fc.constantFrom('1', '9', '0', '65536', 'x', '-1', ''),
        requestid: fc.constantFrom('0', '1', ''),
      }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc
      .oneof(
        controlFrame,
        dataFrame,
        fc.uint8Array({ maxLength: 30 }).map((bytes) => Buffer.from(bytes)),
      )
      .map((bytes) => ({ type: 'bytes' as const, bytes })),
  },
);
export const spdy: fc.Arbitrary<FuzzContent> = fc.record({
  type: fc.constant('spdy' as const),
  path: fc.constantFrom(
    `${runningPod}/portforward`,
    `${runningPod}/exec?command=cat`,
    '/api/v1/namespaces/default/pods/missing/portforward',
  ),
  frames: fc.array(piece, { maxLength: 12 }),
});

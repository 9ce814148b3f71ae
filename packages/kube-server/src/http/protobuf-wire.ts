import { errors } from './status.ts';

/** One field as it stands on the wire: a number, or bytes whose meaning the declared type tells. */
export interface WireField {
  readonly number: number;
  readonly value: number | Buffer;
}

const cutShort = (): Error => errors.badRequest('the protobuf body is cut short');

/** The fields of a message in the order of the wire. Throws 400 where the bytes are no message. */
export function* wireFields(bytes: Buffer): Generator<WireField> {
  let at = 0;
  const take = (length: number): Buffer => {
    if (at + length > bytes.length) throw cutShort();
    at += length;
    return bytes.subarray(at - length, at);
  };
  const varint = (): number => {
    let result = 0;
    for (let i = 0; i < 7; i++) {
      const byte = bytes[at++];
      if (byte === undefined) throw cutShort();
      result += (byte & 0x7f) * 2 ** (7 * i);
      if (byte < 0x80) return result;
    }
    // Rare: a large or a negative number, which is written as the 64 bits of its two's complement.
    let long = BigInt(result);
    for (let i = 7; i < 10; i++) {
      const byte = bytes[at++];
      if (byte === undefined) throw cutShort();
      long += BigInt(byte & 0x7f) << BigInt(7 * i);
      if (byte < 0x80) return Number(BigInt.asIntN(64, long));
    }
    throw errors.badRequest('the protobuf body has a number of more than 64 bits');
  };
  const length = (): number => {
    const value = varint();
    if (value < 0) throw cutShort();
    return value;
  };
  while (at < bytes.length) {
    const tag = varint();
    const number = Math.floor(tag / 8);
    switch (tag & 7) {
      case 0:
        yield { number, value: varint() };
        break;
      case 1:
        yield { number, value: take(8).readDoubleLE() };
        break;
      case 2:
        yield { number, value: take(length()) };
        break;
      case 5:
        yield { number, value: take(4).readFloatLE() };
        break;
      default:
        throw errors.badRequest('the protobuf body has an unknown wire type');
    }
  }
}

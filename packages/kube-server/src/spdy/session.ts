/**
 * The server's end of a SPDY connection.
 *
 * - S1 Frames are handled one after the other: their headers share a compressor.
 * - S2 A stream whose receiver is slow holds up the reading of the connection, so nothing grows without bound.
 * - S3 Nothing is said on a stream before it is confirmed: clients drop it.
 * - S4 When the connection ends, every stream of it ends.
 */
import { dataFrame, type Frame, pingFrame, readFrame, refusalFrame, replyFrame } from './frames.ts';
import { createHeaderCodec, type Headers } from './header-block.ts';

/** What carries the bytes: a socket, or the messages of a WebSocket. */
export interface SpdyTransport {
  readonly input: AsyncIterable<Buffer>;
  /** Resolves when more may be sent. */
  send(bytes: Buffer): Promise<void>;
}

export interface SpdyStream {
  readonly id: number;
  readonly headers: Headers;
  write(data: Buffer): Promise<void>;
  /** Says that nothing more comes from here. */
  end(): Promise<void>;
}

/** What becomes of what the client sends on a stream. */
export interface SpdyReceiver {
  data(data: Buffer): Promise<void>;
  /** The client sends nothing more. */
  ended(): void;
  /** The client is not interested any more, or the connection broke. */
  reset(): void;
}

/** Far more than a frame of Kubernetes' clients has. */
const MAX_FRAME_BYTES = 1024 * 1024;
/** Streams that are open at once, two for each connection of a user. */
const MAX_STREAMS = 2_000;

/** Serves a connection to its end. `accept` takes a new stream, or refuses it with undefined. */
export async function serveSpdy(
  transport: SpdyTransport,
  accept: (stream: SpdyStream) => SpdyReceiver | undefined,
): Promise<void> {
  const codec = createHeaderCodec();
  const receivers = new Map<number, SpdyReceiver>();

  const open = async ({ stream: id, isLast, block }: Extract<Frame, { type: 'open' }>): Promise<void> => {
    const headers = await codec.decode(block);
    let isEnded = false;
    let isRemoteEnded = isLast;
    const forget = (): void => {
      if (isEnded && isRemoteEnded) receivers.delete(id);
    };
    let confirm = (): void => {};
    const confirmed = new Promise<void>((resolve) => {
      confirm = resolve;
    });
    const receiver =
      receivers.size >= MAX_STREAMS
        ? undefined
        : accept({
            id,
            headers,
            write: async (data) => {
              await confirmed; // S3
              if (!isEnded) await transport.send(dataFrame(id, data));
            },
            end: async () => {
              if (isEnded) return;
              isEnded = true;
              await confirmed; // S3
              await transport.send(dataFrame(id, Buffer.alloc(0), true));
              forget();
            },
          });
    if (!receiver) {
      await transport.send(refusalFrame(id));
      return;
    }
    receivers.set(id, {
      ...receiver,
      ended: () => {
        isRemoteEnded = true;
        receiver.ended();
        forget();
      },
    });
    await transport.send(replyFrame(id, await codec.encode({})));
    confirm();
    if (isLast) receiver.ended();
  };

  const handle = async (frame: Frame): Promise<boolean> => {
    switch (frame.type) {
      case 'open':
        await open(frame);
        return true;
      case 'data':
        if (frame.data.length > 0) await receivers.get(frame.stream)?.data(frame.data);
        if (frame.isLast) receivers.get(frame.stream)?.ended();
        return true;
      case 'headers':
        await codec.decode(frame.block);
        if (frame.isLast) receivers.get(frame.stream)?.ended();
        return true;
      case 'reset':
        receivers.get(frame.stream)?.reset();
        receivers.delete(frame.stream);
        return true;
      case 'ping':
        await transport.send(pingFrame(frame.id));
        return true;
      case 'goaway':
        return false;
      case 'other':
        return true;
    }
  };

  try {
    let rest: Buffer = Buffer.alloc(0);
    for await (const chunk of transport.input) {
      rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
      for (let next = readFrame(rest); next; next = readFrame(rest)) {
        rest = rest.subarray(next.length);
        if (!(await handle(next.frame))) return;
      }
      if (rest.length > MAX_FRAME_BYTES) throw new RangeError('a frame is larger than this server takes');
    }
  } finally {
    for (const receiver of receivers.values()) receiver.reset(); // S4
    codec.close();
  }
}

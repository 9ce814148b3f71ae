import type { Readable, Writable } from 'node:stream';

/** Names one container of one pod; `container` may be left out where the pod has a single one. */
export interface ContainerRef {
  readonly namespace: string;
  readonly pod: string;
  readonly container?: string;
}

export interface ExecRequest {
  readonly command: readonly string[];
  readonly stdin?: Readable;
  readonly stdout: Writable;
  readonly stderr: Writable;
}

export interface LogRequest {
  readonly follow: boolean;
  /** The log of the previous run of the container. */
  readonly previous: boolean;
  readonly tailLines?: number;
  readonly sinceSeconds?: number;
  readonly limitBytes?: number;
  /** Every line begins with the time when it was seen, in RFC 3339 with nanoseconds, and a blank. */
  readonly timestamps?: boolean;
}

/**
 * What the embedded API asks of whoever runs the pods: the node runtime implements it, the API server calls it.
 * Unknown pods or containers reject with `StackError` code `NotFound`.
 */
export interface PodConnector {
  /** Runs a command in a container's environment; resolves with its exit code (128+n for signal n). */
  exec(ref: ContainerRef, request: ExecRequest, signal: AbortSignal): Promise<number>;
  /** The log's bytes, oldest first; with `follow` it ends when the container is gone or the signal aborts. */
  logs(ref: ContainerRef, request: LogRequest, signal: AbortSignal): AsyncIterable<Uint8Array>;
}

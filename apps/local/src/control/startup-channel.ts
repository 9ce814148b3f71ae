/**
 * What the control process tells the `up` that started it, over a pipe (file descriptor 3), one JSON object a line:
 * the steps it takes, then either `ready` or the error it ends with.
 */
import { closeSync, fstatSync, writeSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { type ErrorCode, errorTable, StackError, toStackError } from '@polarstack/base';

export type StartupMessage =
  | { readonly type: 'step'; readonly name: string }
  | { readonly type: 'ready'; readonly url: string }
  | { readonly type: 'error'; readonly code: string; readonly message: string; readonly remedy: string };

export interface StartupReporter {
  step(name: string): void;
  ready(url: string): void;
  failed(error: unknown): void;
}

const FD = 3;

/** `expected`: whether somebody listens; without it nothing is written. */
export function createStartupReporter(expected: boolean): StartupReporter {
  let open = expected && isPipe();
  // Written at once: the process may end right after it has said why.
  const send = (message: StartupMessage, last: boolean): void => {
    if (!open) return;
    open = !last;
    try {
      writeSync(FD, `${JSON.stringify(message)}\n`);
      if (last) closeSync(FD);
    } catch {
      open = false; // The reader has given up; nobody needs to know.
    }
  };
  return {
    step: (name) => send({ type: 'step', name }, false),
    ready: (url) => send({ type: 'ready', url }, true),
    failed: (error) => {
      const { code, message, remedy } = toStackError(error);
      send({ type: 'error', code, message, remedy }, true);
    },
  };
}

function isPipe(): boolean {
  try {
    return fstatSync(FD).isFIFO() || fstatSync(FD).isSocket();
  } catch {
    return false;
  }
}

/** Reads until `ready` (resolves with the address) or the end: an error sent, or none, which says that it crashed. */
export async function readStartup(
  pipe: Readable,
  onStep: (name: string) => void,
  crashed: () => StackError,
): Promise<string> {
  for await (const line of createInterface({ input: pipe })) {
    const message = JSON.parse(line) as StartupMessage;
    switch (message.type) {
      case 'step':
        onStep(message.name);
        break;
      case 'ready':
        return message.url;
      case 'error': {
        const code = (message.code in errorTable ? message.code : 'ControlFailed') as ErrorCode;
        throw new StackError(code, message.message, { remedy: message.remedy });
      }
    }
  }
  throw crashed();
}

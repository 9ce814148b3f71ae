import { EventEmitter } from 'node:events';
import type { ServerResponse } from 'node:http';
import { expect, test } from 'vitest';
import type { Pulses } from '../pulses/pulses.ts';
import { streamPulses } from './pulse-stream.ts';

test('one that does not read is kept a single line, the newest; one that is gone is forgotten', () => {
  let tell: ((line: string) => void) | undefined;
  const pulses = {
    listen: (onLine: (line: string) => void) => {
      tell = onLine;
      onLine('first');
      return () => {
        tell = undefined;
      };
    },
  } as unknown as Pulses;
  const written: string[] = [];
  let room = 2;
  const response = Object.assign(new EventEmitter(), {
    writeHead: () => {},
    write: (line: string) => {
      written.push(line);
      return --room > 0;
    },
  });
  streamPulses(pulses, response as unknown as ServerResponse);
  for (const line of ['second', 'third', 'fourth', 'fifth']) tell?.(line);
  expect(written).toEqual(['first', 'second']);
  room = 2;
  response.emit('drain');
  expect(written).toEqual(['first', 'second', 'fifth']);
  tell?.('sixth');
  tell?.('seventh');
  room = 1;
  response.emit('drain');
  response.emit('drain');
  expect(written).toEqual(['first', 'second', 'fifth', 'sixth', 'seventh']);
  response.emit('close');
  expect(tell).toBeUndefined();
});

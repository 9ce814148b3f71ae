import type { ServerResponse } from 'node:http';
import type { Pulses } from '../pulses/pulses.ts';

/**
 * Answers with pulses for as long as the caller stays. One that does not read gets, once it reads again, the newest alone: what is
 * kept for it is one line.
 */
export function streamPulses(pulses: Pulses, response: ServerResponse): void {
  let isFull = false;
  let newest: string | undefined;
  const send = (line: string): void => {
    isFull = !response.write(line);
  };
  response.writeHead(200, { 'content-type': 'application/x-ndjson', 'cache-control': 'no-store' });
  response.on('drain', () => {
    isFull = false;
    const line = newest;
    newest = undefined;
    if (line !== undefined) send(line);
  });
  const end = pulses.listen((line) => {
    if (isFull) newest = line;
    else send(line);
  });
  response.once('close', end);
  if (response.destroyed) end();
}

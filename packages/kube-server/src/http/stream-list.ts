import type { ServerResponse } from 'node:http';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { drained } from './drained.ts';
import { prefersYaml } from './negotiate.ts';
import { sendText, yamlText } from './respond.ts';

/** What is made at a time, and what may wait for the client before more is made. */
const CHUNK_BYTES = 128 * 1024;

/**
 * Answers with `head` and the texts of a list in one of its fields. A long list is made in pieces as the client takes
 * them: it costs no memory however long it is, and between the pieces others have their turn.
 */
export async function streamList(
  response: ServerResponse,
  head: object,
  field: string,
  items: Iterable<string>,
): Promise<void> {
  if (prefersYaml(response.req.headers.accept)) {
    const whole = { ...head, [field]: Array.from(items, (item) => JSON.parse(item) as unknown) };
    sendText(response, 200, 'application/yaml', yamlText(whole));
    return;
  }
  let text = `${JSON.stringify(head).slice(0, -1)},"${field}":[`;
  let isFirst = true;
  let isStreaming = false;
  for (const item of items) {
    text += isFirst ? item : `,${item}`;
    isFirst = false;
    if (text.length < CHUNK_BYTES) continue;
    if (!isStreaming) {
      response.writeHead(200, { 'content-type': 'application/json', 'cache-control': 'no-cache, private' });
      isStreaming = true;
    }
    response.write(text);
    text = '';
    await drained(response, CHUNK_BYTES);
    await nextTurn();
    if (response.destroyed || response.closed) return;
  }
  if (isStreaming) response.end(`${text}]}\n`);
  else sendText(response, 200, 'application/json', `${text}]}\n`);
}

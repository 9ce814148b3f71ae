import { getEventListeners } from 'node:events';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { linkSignals, withDeadline } from './link-signals.ts';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** Resolves with the signal's reason once it aborts, while all garbage is collected again and again. */
async function reasonUnderCollection(link: () => AbortSignal): Promise<unknown> {
  const collecting = setInterval(collectGarbage, 20);
  try {
    return await new Promise((resolve) => {
      const signal = link();
      signal.addEventListener('abort', () => resolve(signal.reason), { once: true });
    });
  } finally {
    clearInterval(collecting);
  }
}

test('the time-out comes although nobody but the linked signal knows of it', async () => {
  const outer = new AbortController();
  const reason = await reasonUnderCollection(() => linkSignals([outer.signal], 300).signal);
  expect(reason).toMatchObject({ name: 'TimeoutError', message: 'not done within 300 ms' });
  expect(getEventListeners(outer.signal, 'abort')).toEqual([]);
});

test('the first source ends it, with its reason, and the others are let go', async () => {
  const [one, two] = [new AbortController(), new AbortController()];
  setTimeout(() => two.abort('second'), 100);
  const link = () => linkSignals([linkSignals([one.signal]).signal, two.signal], 60_000).signal;
  expect(await reasonUnderCollection(link)).toBe('second');
  one.abort('first');
  expect(linkSignals([new AbortController().signal, one.signal], 0).signal.reason).toBe('first');
});

test('end aborts it and leaves nothing in the sources', () => {
  const outer = new AbortController();
  const linked = linkSignals([outer.signal], 60_000);
  linked.end('done');
  linked.end('again');
  outer.abort('late');
  expect([linked.signal.reason, getEventListeners(outer.signal, 'abort')]).toEqual(['done', []]);
});

test('withDeadline gives up in time, passes results on, and does not begin what is aborted', async () => {
  const outer = new AbortController();
  const never = async (signal: AbortSignal) =>
    await new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
  await expect(withDeadline(20, outer.signal, never)).rejects.toMatchObject({ name: 'TimeoutError' });
  expect(await withDeadline(60_000, outer.signal, async () => 'fine')).toBe('fine');
  outer.abort(new Error('over'));
  await expect(withDeadline(60_000, outer.signal, async () => 'fine')).rejects.toThrow('over');
});

import { StackError } from '@polarstack/base';
import { expect, test } from 'vitest';
import { type Contact, keepContact } from './keep-contact.ts';

const away = new StackError('ApiUnreachable', 'nobody there');
const outer = new AbortController();
const contactWith = (answer: () => string, patienceMs: number): Contact =>
  keepContact({
    client: { raw: async () => answer() },
    signal: outer.signal,
    timeoutMs: 60_000,
    patienceMs,
  });
const never = (error: StackError = away): never => {
  throw error;
};
const ended = async ({ signal }: Contact): Promise<unknown> =>
  await new Promise((resolve) => signal.addEventListener('abort', () => resolve(signal.reason)));

test('a server that stays away ends the wait long before its time, with the reason', async () => {
  const contact = contactWith(never, 1_000);
  contact.onError(away);
  expect(await ended(contact)).toBe(away);
  expect(contact.trouble).toBe(away);
  await contact.end();
});

test('a server that is back, or refuses but answers, is no trouble', async () => {
  for (const answer of [() => 'fine', () => never(new StackError('Forbidden', 'not for you'))]) {
    let markAsked = (): void => {};
    const asked = new Promise<void>((resolve) => {
      markAsked = resolve;
    });
    const contact = contactWith(() => {
      markAsked();
      return answer();
    }, 60_000);
    contact.onError(new StackError('Gone', 'too old'));
    expect(contact.trouble).toBeUndefined();
    contact.onError(away);
    expect(contact.trouble).toBe(away);
    await asked;
    await new Promise((resolve) => setImmediate(resolve));
    expect([contact.trouble, contact.signal.aborted]).toEqual([undefined, false]);
    await contact.end();
  }
});

test('end leaves nothing behind, also while it asks', async () => {
  const contact = contactWith(never, 60_000);
  contact.onError(away);
  await contact.end();
  expect([contact.signal.aborted, contact.trouble]).toEqual([true, away]);
});

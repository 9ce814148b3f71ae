import { Readable } from 'node:stream';
import { StackError } from '@polarstack/base';
import { expect, test } from 'vitest';
import { readStartup, type StartupMessage } from './startup-channel.ts';

const crashed = (): StackError => new StackError('ControlFailed', 'it said nothing');
const pipe = (...messages: StartupMessage[]): Readable =>
  Readable.from(messages.map((message) => `${JSON.stringify(message)}\n`));

test('tells the steps and answers the address', async () => {
  const steps: string[] = [];
  const messages = pipe({ type: 'step', name: 'a' }, { type: 'step', name: 'b' }, { type: 'ready', url: 'https://x' });
  expect(await readStartup(messages, (name) => steps.push(name), crashed)).toBe('https://x');
  expect(steps).toEqual(['a', 'b']);
});

test('throws the error that the process ended with, with its remedy', async () => {
  const message = { type: 'error', code: 'AddressInUse', message: 'taken', remedy: 'stop it' } as const;
  const expected = { code: 'AddressInUse', message: 'taken', remedy: 'stop it' };
  await expect(readStartup(pipe(message), () => {}, crashed)).rejects.toMatchObject(expected);
});

test('a process that ends without a word has crashed', async () => {
  await expect(readStartup(pipe(), () => {}, crashed)).rejects.toMatchObject({ code: 'ControlFailed' });
  await expect(readStartup(pipe({ type: 'step', name: 'a' }), () => {}, crashed)).rejects.toMatchObject({
    message: 'it said nothing',
  });
});

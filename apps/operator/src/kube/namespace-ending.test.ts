import { StackError } from '@polarstack/base';
import { expect, test } from 'vitest';
import { isNamespaceEnding } from './namespace-ending.ts';

test('the cause tells, or the words of a server that names none; other refusals are something else', () => {
  const refused = (message: string, status?: object) =>
    new StackError('Forbidden', message, { ...(status && { details: { status } }) });
  expect(isNamespaceEnding(refused('no', { details: { causes: [{ reason: 'NamespaceTerminating' }] } }))).toBe(true);
  expect(isNamespaceEnding(refused('no new content in namespace a because it is being terminated'))).toBe(true);
  expect(isNamespaceEnding(refused('no', { details: { causes: [{ reason: 'Quota' }] } }))).toBe(false);
  expect(isNamespaceEnding(refused('the user may not'))).toBe(false);
  expect(isNamespaceEnding(new StackError('Conflict', 'because it is being terminated'))).toBe(false);
  expect(isNamespaceEnding(undefined)).toBe(false);
});

import { describe, expect, test } from 'vitest';
import { newToken, parseToken, renderToken, whoseToken } from './tokens.ts';

const now = new Date('2026-03-01T12:00:00Z');
const later = (seconds: number): Date => new Date(now.getTime() + seconds * 1000);

describe('tokens', () => {
  const { id, token, record } = newToken('ci', 'read', now, later(60));
  const records = new Map([[id, record]]);

  test('one that was made is known by its name and scope, until its time is over', () => {
    expect(whoseToken(token, records, now)).toEqual(record);
    expect(whoseToken(token, records, later(59))?.name).toBe('ci');
    expect(whoseToken(token, records, later(60))).toBeUndefined();
    expect(whoseToken(token, new Map(), now)).toBeUndefined();
  });

  test('TK1: any other text is not', () => {
    const other = newToken('other', 'operate', now).token;
    const last = token.at(-5) === 'A' ? 'B' : 'A';
    for (const wrong of [
      '',
      id,
      token.slice(0, -1),
      `${token}A`,
      token.slice(0, -5) + last + token.slice(-4),
      `pst_${id}_${other.slice(17)}`,
      other,
      record.hash,
    ])
      expect(whoseToken(wrong, records, now), wrong).toBeUndefined();
  });

  test('what is kept does not hold the token, and reads back', () => {
    const text = renderToken(record);
    expect(text).not.toContain(token.slice(17));
    expect(parseToken(text)).toEqual(record);
  });

  test.each([
    '',
    'null',
    '{}',
    '[]',
    '{"name":"a","scope":"admin","hash":""}',
    JSON.stringify({ ...record, hash: '12' }),
  ])('TK2: %j is no token', (text) => expect(parseToken(text)).toBeUndefined());
});

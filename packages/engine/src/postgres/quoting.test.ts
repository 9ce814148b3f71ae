import fc from 'fast-check';
import { expect, test } from 'vitest';
import { connectionString, quoteHbaName, quoteIdentifier, quoteLiteral, quoteSetting } from './quoting.ts';

const anyText = fc.string({ unit: 'binary' }).filter((text) => !text.includes('\0'));

/** Reads a setting as the engine's lexer does. */
function readSetting(quoted: string): string {
  expect(quoted).toMatch(/^'(?:[^'\\\n]|''|\\.)*'$/s);
  const escapes: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t' };
  return quoted
    .slice(1, -1)
    .replace(/''|\\(.)/gs, (match, letter: string | undefined) =>
      letter === undefined ? match.slice(1) : (escapes[letter] ?? letter),
    );
}

test('a setting is one token on one line, and reads as what it was', () => {
  fc.assert(
    fc.property(anyText, (text) => {
      const quoted = quoteSetting(text);
      expect(quoted).not.toContain('\n');
      expect(readSetting(quoted)).toBe(text);
    }),
  );
});

test('a field of a connection string cannot become two', () => {
  fc.assert(
    fc.property(anyText, (text) => {
      const [, inner = ''] = /^a='(.*)' b='1'$/s.exec(connectionString({ a: text, b: 1 })) ?? [];
      expect(inner.replace(/\\(.)/gs, '$1')).toBe(text);
      expect(inner.replace(/\\./gs, '')).not.toContain("'");
    }),
  );
});

test('identifiers and literals close where they should', () => {
  expect(quoteIdentifier('a"; drop')).toBe('"a""; drop"');
  expect(quoteLiteral("it's")).toBe("'it''s'");
  expect(quoteLiteral("a\\'b")).toBe("E'a\\\\''b'");
});

test('what no quoting can carry is refused', () => {
  for (const quote of [quoteSetting, quoteIdentifier, quoteLiteral]) expect(() => quote('a\0b')).toThrow(/NUL/);
  expect(() => quoteHbaName('a"b')).toThrow(/cannot be used/);
});

import { stripVTControlCharacters } from 'node:util';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createColors, stateCell } from './colors.ts';
import { outputFormat, renderValue } from './format.ts';
import { renderTable } from './table.ts';
import { age, bytes } from './values.ts';

describe('renderTable', () => {
  test('columns are as wide as they need to be, without trailing blanks', () => {
    expect(
      renderTable(
        ['A', 'LONG', 'C'],
        [
          ['xyz', '1', 'last'],
          ['', '22', ''],
        ],
      ),
    ).toBe('A     LONG   C\nxyz   1      last\n      22\n');
  });

  test('colours do not move columns', () => {
    const colors = createColors(true);
    const painted = renderTable(
      ['STATE', 'X'],
      [
        [stateCell(colors, 'Running'), 'x'],
        [stateCell(colors, 'Failed'), 'x'],
      ],
    );
    expect(painted).toContain('\u001b[');
    expect(stripVTControlCharacters(painted)).toBe('STATE     X\nRunning   x\nFailed    x\n');
    expect(renderTable(['STATE'], [[stateCell(createColors(false), 'Running')]])).toBe('STATE\nRunning\n');
  });

  test('every cell can be found again by the position of its title', () => {
    const word = fc.stringMatching(/^[a-z0-9]{1,12}$/);
    fc.assert(
      fc.property(fc.array(fc.tuple(word, word, word), { minLength: 1, maxLength: 8 }), (rows) => {
        const [head = '', ...lines] = renderTable(['ONE', 'TWO', 'THREE'], rows).trimEnd().split('\n');
        for (const [i, line] of lines.entries()) {
          expect(line.slice(head.indexOf('TWO')).startsWith(`${rows[i]?.[1]} `)).toBe(true);
          expect(line.slice(head.indexOf('THREE'))).toBe(rows[i]?.[2]);
        }
      }),
    );
  });
});

describe('values', () => {
  const now = new Date('2026-01-10T00:00:00Z');
  test.each([
    ['2026-01-10T00:00:00Z', '0s'],
    ['2026-01-09T23:58:01Z', '119s'],
    ['2026-01-09T23:56:40Z', '3m20s'],
    ['2026-01-09T23:00:00Z', '60m'],
    ['2026-01-09T19:30:00Z', '4h30m'],
    ['2026-01-09T10:00:00Z', '14h'],
    ['2026-01-07T20:00:00Z', '2d4h'],
    ['2025-12-01T00:00:00Z', '40d'],
    ['2026-01-11T00:00:00Z', '0s'],
    [undefined, ''],
  ])('age of %s is %s', (since, shown) => {
    expect(age(since, now)).toBe(shown);
  });

  test.each([
    [0, '0 B'],
    [1023, '1023 B'],
    [2048, '2 KiB'],
    [1536, '1.5 KiB'],
    [50 * 1024 * 1024, '50 MiB'],
  ])('%i bytes are %s', (count, shown) => {
    expect(bytes(count)).toBe(shown);
  });
});

describe('formats', () => {
  test('only what a command knows is taken', () => {
    expect(outputFormat(undefined, ['json'])).toBe('table');
    expect(outputFormat('json', ['json', 'yaml'])).toBe('json');
    expect(() => outputFormat('xml', ['json', 'yaml'])).toThrow('-o xml: this command knows json, yaml');
    expect(() => outputFormat('table', ['json'])).toThrow('-o table');
  });

  test('a value as JSON and as YAML', async () => {
    expect(await renderValue('json', { a: [1] })).toBe('{\n  "a": [\n    1\n  ]\n}\n');
    expect(await renderValue('yaml', { a: [1] })).toBe('a:\n  - 1\n');
  });
});

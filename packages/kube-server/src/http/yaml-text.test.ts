import { describe, expect, it } from 'vitest';
import { MAX_YAML_DEPTH, readYaml } from './yaml-text.ts';

const deep: Readonly<Record<string, (levels: number) => string>> = {
  'lists in one line': (levels) => `${'- '.repeat(levels)}a\n`,
  'lists in brackets': (levels) => `${'['.repeat(levels)}${']'.repeat(levels)}`,
  'maps in braces': (levels) => `${'{a: '.repeat(levels)}1${'}'.repeat(levels)}`,
  'maps in lines': (levels) => Array.from({ length: levels }, (_, i) => `${' '.repeat(i)}a:`).join('\n'),
};

describe('YAML', () => {
  it('is read', async () => {
    expect((await readYaml('a: [1, {b: c}]\nd:\n- e: yes\n')).toJS()).toEqual({
      a: [1, { b: 'c' }],
      d: [{ e: 'yes' }],
    });
  });

  it.each(Object.entries(deep))('is refused where it is too deep: %s (Y1)', async (_, make) => {
    expect((await readYaml(make(MAX_YAML_DEPTH - 1))).errors).toEqual([]);
    for (const levels of [MAX_YAML_DEPTH + 1, 2_000]) {
      await expect(readYaml(make(levels))).rejects.toMatchObject({ status: { code: 400, reason: 'BadRequest' } });
    }
    await expect(readYaml('['.repeat(20_000))).rejects.toMatchObject({ status: { code: 400 } });
  });

  it.each(['? '.repeat(400), '? [a]\n: b', '{[a]: b}', '{{a: b}: c}', '- ? {a: b}\n  : c'])(
    'is refused with a key that is none: %.20s (Y2)',
    async (text) => {
      await expect(readYaml(`${text}a\n`)).rejects.toMatchObject({ status: { code: 400, reason: 'BadRequest' } });
    },
  );
});

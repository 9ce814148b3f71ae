import { stripVTControlCharacters } from 'node:util';
import { expect, test } from 'vitest';
import { createStepsView } from './steps-view.ts';

function screen(isTTY: boolean) {
  const written: string[] = [];
  return { isTTY, columns: 40, write: (text: string) => written.push(text), text: () => written.join('') };
}

test('without a terminal a step is one plain line with its time, and nothing is redrawn', async () => {
  const out = screen(false);
  let time = 0;
  const view = createStepsView(out, () => time);
  const result = await view.step('Build', async (say) => {
    say('half');
    view.note('a note');
    time = 1500;
    say('done');
    return 7;
  });
  expect(result).toBe(7);
  expect(stripVTControlCharacters(out.text())).toBe('a note\n✔ Build  1.5 s  done\n');
});

test('a step that fails says so and passes the error on', async () => {
  const out = screen(false);
  const failing = createStepsView(out, () => 0).step('Build', async () => {
    throw new Error('no');
  });
  await expect(failing).rejects.toThrow('no');
  expect(out.text()).toContain('✘');
});

test('on a terminal the line is redrawn in place and never longer than the screen', async () => {
  const out = screen(true);
  await createStepsView(out, () => 0).step('Build', async (say) => say('x'.repeat(200)));
  const lines = out.text().split('\r\x1b[2K');
  expect(lines.length).toBeGreaterThan(2);
  for (const line of lines.slice(0, -1)) expect(line.length).toBeLessThanOrEqual(40);
});

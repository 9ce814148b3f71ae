import { describe, expect, it } from 'vitest';
import { createItemTexts } from './item-texts.ts';

describe('texts of items', () => {
  it('are made once for each object, not for each that is like it', () => {
    const texts = createItemTexts();
    const made: object[] = [];
    const show = (object: object): string =>
      texts.of(object, () => {
        made.push(object);
        return JSON.stringify(object);
      });
    const [one, other] = [{ a: 1 }, { a: 1 }];
    expect([show(one), show(other), show(one)]).toEqual(['{"a":1}', '{"a":1}', '{"a":1}']);
    expect(made).toEqual([one, other]);
  });

  it('are forgotten beyond a bound, and made again (T1)', () => {
    const texts = createItemTexts(10);
    let made = 0;
    const show = (object: object, text: string): string =>
      texts.of(object, () => {
        made++;
        return text;
      });
    const [one, two, large] = [{}, {}, {}];
    show(one, '123456');
    show(two, '123456');
    expect([show(one, '123456'), made]).toEqual(['123456', 3]);
    show(large, 'more than all that is kept');
    show(one, '123456');
    expect(made).toBe(4);
    show(large, 'more than all that is kept');
    expect(made).toBe(5);
  });
});

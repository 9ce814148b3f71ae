import { describe, expect, it } from 'vitest';
import { createWatchBudget } from './budget.ts';

describe('the budget of all watchers', () => {
  const crowd = (maxBytes: number) => {
    const budget = createWatchBudget(maxBytes);
    const cut: string[] = [];
    return {
      cut,
      add: (name: string) => {
        let waiting = 0;
        const membership = budget.join({ waiting: () => waiting, cutOff: () => void cut.push(name) });
        return {
          write: (bytes: number) => {
            waiting += bytes;
            membership.wrote();
          },
          read: () => {
            waiting = 0;
          },
          leave: () => membership.leave(),
        };
      },
    };
  };

  it('cuts off those for whom most waits, until there is room (B1)', () => {
    const { cut, add } = crowd(100);
    const [a, b, c] = [add('a'), add('b'), add('c')];
    a.write(10);
    b.write(50);
    c.write(40);
    expect(cut).toEqual([]);
    a.write(1);
    expect(cut).toEqual(['b']);
    c.write(20);
    expect(cut).toEqual(['b']);
  });

  it('forgets what was read, and who left', () => {
    const { cut, add } = crowd(100);
    const [a, b] = [add('a'), add('b')];
    for (let i = 0; i < 10; i++) {
      a.write(90);
      a.read();
      b.write(90);
      b.read();
    }
    a.write(90);
    a.leave();
    b.write(90);
    expect(cut).toEqual([]);
  });

  it('leaves alone who is the only one that is waited for (B2)', () => {
    const { cut, add } = crowd(100);
    const [a, b] = [add('a'), add('b')];
    a.write(1000);
    expect(cut).toEqual([]);
    b.write(1);
    expect(cut).toEqual(['a']);
  });
});

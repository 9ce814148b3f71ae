import { describe, expect, it } from 'vitest';
import { createWatchBudget } from './budget.ts';

describe('the budget of all watchers', () => {
  const crowd = (maxBytes: number) => {
    let turnOver = (): void => {};
    const budget = createWatchBudget(maxBytes, (callback) => {
      turnOver = callback;
    });
    const cut: string[] = [];
    return {
      cut,
      turn: () => turnOver(),
      add: (name: string) => {
        let waiting = 0;
        const membership = budget.join({ waiting: () => waiting, cutOff: () => void cut.push(name) });
        return {
          write: (bytes: number) => {
            waiting += bytes;
            membership.wrote(bytes);
          },
          read: () => {
            waiting = 0;
          },
          leave: () => membership.leave(),
        };
      },
    };
  };

  it('cuts off those who owe most, until there is room (B1)', () => {
    const { cut, add, turn } = crowd(100);
    const [a, b, c] = [add('a'), add('b'), add('c')];
    a.write(10);
    b.write(50);
    c.write(40);
    turn();
    expect(cut).toEqual([]);
    a.write(1);
    expect(cut).toEqual(['b']);
    c.write(20);
    turn();
    expect(cut).toEqual(['b']);
  });

  it('cuts off nobody for what is written in this turn, while others are behind (B1, B3)', () => {
    const { cut, add, turn } = crowd(100);
    const healthy = Array.from({ length: 10 }, (_, i) => add(`healthy-${i}`));
    const idle = [add('idle-1'), add('idle-2')];
    for (const one of idle) one.write(15);
    turn();
    // One commit is told to everybody; those who are behind come last.
    for (const one of [...healthy, ...idle]) one.write(30);
    expect(cut).toEqual(['idle-1', 'idle-2']);
    for (const one of healthy) one.read();
    turn();
    expect(cut).toEqual(['idle-1', 'idle-2']);
  });

  it('cuts off in the next turn who has not taken what was written in this one (B1)', () => {
    const { cut, add, turn } = crowd(100);
    const [a, b, c] = [add('a'), add('b'), add('c')];
    for (const one of [a, b, c]) one.write(60);
    expect(cut).toEqual([]);
    b.read();
    turn();
    expect(cut).toEqual(['a']);
  });

  it('keeps a bound within one turn, too (B3)', () => {
    const { cut, add } = crowd(100);
    for (let i = 0; i < 9; i++) add(`${i}`).write(50);
    expect(cut.length).toBeGreaterThanOrEqual(7);
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
    const { cut, add, turn } = crowd(100);
    const [a, b] = [add('a'), add('b')];
    a.write(1000);
    turn();
    expect(cut).toEqual([]);
    b.write(1);
    expect(cut).toEqual(['a']);
  });
});

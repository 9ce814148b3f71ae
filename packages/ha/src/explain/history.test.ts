import { expect, test } from 'vitest';
import type { SwitchResult } from '../record/record.ts';
import { renderResult } from './history.ts';

const at = (ms: number): string => new Date(Date.parse('2026-01-01T02:00:00.000Z') + ms).toISOString();
const failover: SwitchResult = {
  id: 'failover-3',
  kind: 'failover',
  outcome: 'done',
  epoch: 3,
  from: 'a',
  to: 'b',
  pauseMs: 305,
  cause: {
    verdict: 'dead',
    instance: 'a',
    seenAt: at(0),
    signals: [{ what: 'E1', text: 'the engine ended: killed by signal 9', at: at(-20) }],
    guards: [
      { guard: 'V1-heard', holds: true, text: 'the agent of primary a is heard' },
      { guard: 'V4-engine-lives', holds: false, text: 'the engine of a ended' },
    ],
  },
  evidence: [{ kind: 'F1', instanceId: 'a', epoch: 3, bootId: 'x', cleanStop: false, walEnd: '0/5000100', at: at(60) }],
  candidates: [
    { id: 'b', position: '0/50000F0', missingBytes: 16, guard: 'K8-has-everything', why: 'b lacks 16 bytes' },
    { id: 'c', guard: 'K2-answers', why: 'the agent of c does not answer' },
  ],
  lostBytes: 16,
  times: {
    S0: at(0),
    S3: at(0),
    S4: at(70),
    S5: at(70),
    S6: at(200),
    S7: at(250),
    S8: at(305),
    S9: at(320),
    S10: at(900),
  },
  left: { a: 'it is being rewound' },
  at: at(900),
};

test('a person reads what was seen when, the evidence, the choice, the time of each step and what was lost', () => {
  expect(renderResult(failover)).toEqual([
    `${at(0)} failover failover-3 from a to b, epoch 3: done, because its engine ended`,
    `seen: ${at(-20)} a: the engine ended: killed by signal 9 (E1)`,
    `decided: ${at(0)}`,
    '  holds V1-heard: the agent of primary a is heard',
    '  fails V4-engine-lives: the engine of a ended',
    `evidence: a was proven dead (F1, epoch 3) at ${at(60)}; its WAL ends at 0/5000100`,
    'choice: b at 0/50000F0, 16 bytes short took over although b lacks 16 bytes',
    'choice: c did not: the agent of c does not answer (K2-answers)',
    'S3 proving the old primary dead: 70 ms',
    'S5 promoting: 130 ms',
    'S6 verifying that it writes: 50 ms',
    'S7 leading clients to it: 55 ms',
    'S8 re-pointing the other replicas: 15 ms',
    'S9 bringing the old primary back: 580 ms',
    'writes paused for 305 ms',
    'lost: 16 bytes of WAL that only the old primary had',
    'left: a: it is being rewound',
  ]);
});

test('what went on in place, and what older versions wrote, are read too', () => {
  const { candidates: _, ...rest } = failover;
  const inPlace = renderResult({ ...rest, to: 'a', lostBytes: 0 });
  expect(inPlace[0]).toContain('of a, in place');
  expect(inPlace).toContain('choice: a went on in place');
  expect(inPlace).toContain('lost: nothing');
  expect(
    renderResult({ id: 'x', outcome: 'refused', code: 'PrimaryUnfit', message: 'why', remedy: 'mend', at: at(0) }),
  ).toEqual([`${at(0)} switchover x: refused`, 'note: why', 'what to do: mend']);
});

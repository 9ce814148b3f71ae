/** A failover as a person reads it afterwards: what was seen when, the evidence, the choice, the time of each step, what was lost. */
import type { Candidate, Cause } from '../record/failover.ts';
import { type StepTime, type SwitchResult, switchSteps } from '../record/record.ts';

const verdicts: Readonly<Record<Cause['verdict'], string>> = {
  dead: 'its engine ended',
  hung: 'its engine hung',
  disk: 'its disk failed',
};

const steps: Readonly<Record<StepTime, string>> = {
  S0: 'begun',
  S1: 'preparing the target',
  S2: 'stopping the old primary',
  S3: 'proving the old primary dead',
  S4: 'committed',
  S5: 'promoting',
  S6: 'verifying that it writes',
  S7: 'leading clients to it',
  S8: 're-pointing the other replicas',
  S9: 'bringing the old primary back',
  S10: 'ended',
};

const bytes = (count: number): string => (count === 1 ? '1 byte' : `${count} bytes`);

/** One line for each thing there is to say, the oldest first. Also of a switchover, which has less to say. */
export function renderResult(result: SwitchResult): readonly string[] {
  const { cause, evidence = [], candidates = [] } = result;
  return [
    headline(result),
    ...(cause ? seen(cause) : []),
    ...evidence.map(
      ({ instanceId, kind, epoch, at, walEnd, lsn, cleanStop }) =>
        `evidence: ${instanceId} was proven dead (${kind}, epoch ${epoch}) at ${at}; ` +
        (cleanStop
          ? `it ended in order${lsn ? `, with its last checkpoint at ${lsn}` : ''}`
          : walEnd
            ? `its WAL ends at ${walEnd}`
            : 'where its WAL ends was not found out'),
    ),
    ...candidates.map((candidate) => choice(candidate, result.to)),
    ...(result.to !== undefined && result.from === result.to && result.outcome !== 'refused'
      ? [`choice: ${result.to} went on in place`]
      : []),
    ...durations(result),
    ...(result.pauseMs === undefined ? [] : [`writes paused for ${result.pauseMs} ms`]),
    ...(result.lostBytes === undefined
      ? []
      : [
          result.lostBytes === 0
            ? 'lost: nothing'
            : `lost: ${bytes(result.lostBytes)} of WAL that only the old primary had`,
        ]),
    ...(result.message ? [`note: ${result.message}`] : []),
    ...(result.remedy ? [`what to do: ${result.remedy}`] : []),
    ...Object.entries(result.left ?? {}).map(([id, why]) => `left: ${id}: ${why}`),
  ];
}

function headline({ kind = 'switchover', id, outcome, from, to, epoch, at, cause, times }: SwitchResult): string {
  const begun = times?.S0 ?? at;
  const what = from === undefined ? '' : from === to ? ` of ${from}, in place` : ` from ${from} to ${to}`;
  const where = epoch === undefined ? '' : `, epoch ${epoch}`;
  return `${begun} ${kind} ${id}${what}${where}: ${outcome}${cause ? `, because ${verdicts[cause.verdict]}` : ''}`;
}

const seen = ({ instance, seenAt, signals, guards }: Cause): readonly string[] => [
  ...signals.map(({ what, text, at }) => `seen: ${at} ${instance}: ${text} (${what})`),
  `decided: ${seenAt}`,
  ...guards.map(({ guard, holds, text }) => `  ${holds ? 'holds' : 'fails'} ${guard}: ${text}`),
];

function choice({ id, position, missingBytes, guard, why }: Candidate, to: string | undefined): string {
  const where = position === undefined ? '' : ` at ${position}`;
  const short = missingBytes ? `, ${bytes(missingBytes)} short` : '';
  if (id === to) return `choice: ${id}${where}${short} took over${guard ? ` although ${why}` : ''}`;
  return `choice: ${id}${where}${short} did not: ${guard ? `${why} (${guard})` : 'another one was preferred'}`;
}

/** How long each step took: until the next one that was reached. */
function durations({ times = {} }: SwitchResult): readonly string[] {
  const order: readonly StepTime[] = [
    'S0',
    ...switchSteps.filter((step) => step < 'S4'),
    'S4',
    'S5',
    'S6',
    'S7',
    'S8',
    'S9',
    'S10',
  ];
  const reached = order.flatMap((step) => {
    const at = Date.parse(times[step] ?? '');
    return Number.isNaN(at) ? [] : [{ step, at }];
  });
  return reached.flatMap(({ step, at }, i) => {
    const next = reached[i + 1];
    return next && next.at > at ? [`${step} ${steps[step]}: ${next.at - at} ms`] : [];
  });
}

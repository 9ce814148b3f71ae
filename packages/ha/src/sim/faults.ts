/** What goes wrong in a run, and when: data, so that a run can be taken again, made shorter and kept. */
import type { Random } from './kernel.ts';
import { instanceIds, type Mode, managerIds, type Point } from './world.ts';

export type Fault = { readonly atMs: number } & (
  | { readonly kind: 'kill'; readonly who: string }
  | { readonly kind: 'stop'; readonly who: string; readonly forMs: number }
  /** Power of a node. */
  | { readonly kind: 'off'; readonly node: string; readonly forMs: number }
  | { readonly kind: 'freeze'; readonly node: string; readonly forMs: number }
  | {
      readonly kind: 'cut';
      readonly from: readonly string[];
      readonly to: readonly string[];
      readonly forMs: number;
      readonly oneWay: boolean;
    }
  | { readonly kind: 'disturb'; readonly loss: number; readonly jitterMs: number; readonly forMs: number }
  | {
      readonly kind: 'hold';
      readonly to: string;
      readonly probability: number;
      readonly heldMs: number;
      readonly forMs: number;
    }
  | { readonly kind: 'api'; readonly how: 'away' | 'slow'; readonly forMs: number }
  | { readonly kind: 'failover'; readonly inPlace: boolean }
  | { readonly kind: 'conflict'; readonly node: string; readonly forMs: number }
  | { readonly kind: 'slow-promotion'; readonly node: string; readonly forMs: number }
  | { readonly kind: 'hang'; readonly node: string; readonly forMs: number }
  | { readonly kind: 'lose-term'; readonly node: string }
  | { readonly kind: 'wall'; readonly node: string; readonly byMs: number }
  /** The next process to pass the point is caught there; `winner`: the node of the primary of the record then. */
  | {
      readonly kind: 'catch';
      readonly point: Point;
      readonly what: 'kill' | 'stop' | 'winner-off' | 'winner-cut';
      readonly forMs: number;
    }
);

/** When the last fault may begin, and when all of them have ended. */
export const LAST_FAULT_MS = 16_000;
export const HEALED_MS = 20_000;

export const families = [
  'any',
  'takeover',
  'stutter',
  'late',
  'failsafe',
  'membership',
  'succession',
  'reconfigure',
  'in-place',
  'clocks',
  'seal',
  'slow-promotion',
  'harmless',
] as const;
export type Family = (typeof families)[number];

type Make = (random: Random, atMs: number, mode: Mode) => readonly Fault[];

const everybody = [...instanceIds, ...managerIds, 'api'];
const others = (group: readonly string[]): readonly string[] => everybody.filter((one) => !group.includes(one));
const some = (random: Random, from: readonly string[]): readonly string[] => from.filter(() => random.chance(0.5));

const makes = {
  killEngine: (r, atMs) => [{ atMs, kind: 'kill', who: `engine:${r.pick(instanceIds)}` }],
  killAgent: (r, atMs) => [{ atMs, kind: 'kill', who: `agent:${r.pick(instanceIds)}` }],
  killDeadMan: (r, atMs) => [{ atMs, kind: 'kill', who: `dead-man:${r.pick(instanceIds)}` }],
  killManager: (r, atMs) => [{ atMs, kind: 'kill', who: `manager:${r.pick(managerIds)}` }],
  stopManager: (r, atMs) => [
    { atMs, kind: 'stop', who: `manager:${r.pick(managerIds)}`, forMs: r.between(500, 6_000) },
  ],
  stopAgent: (r, atMs) => [{ atMs, kind: 'stop', who: `agent:${r.pick(instanceIds)}`, forMs: r.between(200, 6_000) }],
  stopEngine: (r, atMs) => [{ atMs, kind: 'stop', who: `engine:${r.pick(instanceIds)}`, forMs: r.between(500, 8_000) }],
  off: (r, atMs) => [{ atMs, kind: 'off', node: r.pick(instanceIds), forMs: r.between(200, 8_000) }],
  // A machine that stands still takes its dead-man with it: in async that is a documented exception, so it is left out there.
  freeze: (r, atMs, mode) =>
    mode === 'sync' ? [{ atMs, kind: 'freeze', node: r.pick(instanceIds), forMs: r.between(500, 8_000) }] : [],
  cut: (r, atMs) => {
    const group = some(r, everybody);
    return [
      { atMs, kind: 'cut', from: group, to: others(group), forMs: r.between(300, 8_000), oneWay: r.chance(0.25) },
    ];
  },
  cutPrimary: (r, atMs) => {
    const from = ['a', ...some(r, managerIds)];
    return [{ atMs, kind: 'cut', from, to: others(from), forMs: r.between(1_000, 9_000), oneWay: false }];
  },
  cutManagers: (r, atMs) => {
    const from = [...managerIds, 'api'];
    return [{ atMs, kind: 'cut', from, to: others(from), forMs: r.between(2_000, 9_000), oneWay: false }];
  },
  cutNode: (r, atMs) => {
    const from = [r.pick(instanceIds)];
    return [{ atMs, kind: 'cut', from, to: others(from), forMs: r.between(500, 8_000), oneWay: r.chance(0.2) }];
  },
  disturb: (r, atMs) => [
    { atMs, kind: 'disturb', loss: r.between(0, 0.4), jitterMs: r.between(0, 500), forMs: r.between(500, 6_000) },
  ],
  hold: (r, atMs) => [
    {
      atMs,
      kind: 'hold',
      to: r.pick(instanceIds),
      probability: r.between(0.1, 0.6),
      heldMs: r.between(300, 6_000),
      forMs: r.between(500, 5_000),
    },
  ],
  api: (r, atMs) => [{ atMs, kind: 'api', how: r.chance(0.5) ? 'away' : 'slow', forMs: r.between(500, 8_000) }],
  failover: (_, atMs) => [{ atMs, kind: 'failover', inPlace: false }],
  inPlace: (_, atMs) => [{ atMs, kind: 'failover', inPlace: true }],
  conflict: (r, atMs) => [{ atMs, kind: 'conflict', node: r.pick(instanceIds), forMs: r.between(300, 4_000) }],
  hang: (r, atMs) => [{ atMs, kind: 'hang', node: r.pick(instanceIds), forMs: r.between(500, 6_000) }],
  loseTerm: (r, atMs) => [{ atMs, kind: 'lose-term', node: r.pick(instanceIds) }],
  wall: (r, atMs) => [{ atMs, kind: 'wall', node: r.pick(instanceIds), byMs: r.between(-3_600_000, 3_600_000) }],
  catchManager: (r, atMs) => [
    {
      atMs,
      kind: 'catch',
      point: r.pick(['S0', 'S4', 'S7', 'publish'] as const),
      what: r.pick(['kill', 'stop', 'winner-off', 'winner-cut'] as const),
      forMs: r.between(300, 6_000),
    },
  ],
  catchAgent: (r, atMs) => [
    {
      atMs,
      kind: 'catch',
      point: r.pick(['answer', 'promote'] as const),
      what: r.pick(['kill', 'stop'] as const),
      forMs: r.between(300, 3_000),
    },
  ],
  /** An owner falls silent beside a primary that it goes on talking to, and somebody asks for a failover. */
  usurp: (r, atMs) => {
    const side = r.chance(0.7) ? ['a', 'm0'] : [r.pick(instanceIds), r.pick(managerIds)];
    return [
      { atMs, kind: 'cut', from: side, to: others(side), forMs: r.between(4_000, 9_000), oneWay: false },
      { atMs: atMs + r.between(300, 3_000), kind: 'failover', inPlace: false },
    ];
  },
  /** The agent freezes with an answer in its hands, goes on, and hears nothing more. */
  stutter: (r, atMs) => {
    const node = r.pick(instanceIds);
    const forMs = r.between(600, 2_300);
    return [
      { atMs, kind: 'catch', point: 'answer', what: 'stop', forMs },
      {
        atMs: atMs + r.between(300, 1_500),
        kind: 'cut',
        from: [node],
        to: others([node]),
        forMs: r.between(4_000, 8_000),
        oneWay: false,
      },
    ];
  },
  /** What the owner says to one node is held back, and the node is cut off meanwhile. */
  lateWord: (r, atMs) => {
    const node = r.pick(instanceIds);
    return [
      { atMs, kind: 'hold', to: node, probability: 0.5, heldMs: r.between(4_000, 9_000), forMs: r.between(500, 1_500) },
      { atMs: atMs + r.between(0, 400), kind: 'failover', inPlace: false },
      {
        atMs: atMs + r.between(600, 2_500),
        kind: 'cut',
        from: [node],
        to: others([node]),
        forMs: r.between(6_000, 9_000),
        oneWay: false,
      },
    ];
  },
  /** No owner for a while, promises instead; then the members, without the primary, find one again. */
  promises: (r, atMs) => {
    const outage = r.between(3_500, 6_500);
    const backMs = atMs + outage;
    const managers = [...managerIds, 'api'];
    const primary = r.chance(0.7) ? 'a' : r.pick(instanceIds);
    return [
      { atMs, kind: 'cut', from: managers, to: others(managers), forMs: outage, oneWay: false },
      {
        atMs: backMs - r.between(0, 20),
        kind: 'cut',
        from: [primary],
        to: others([primary]),
        forMs: r.between(3_000, 6_000),
        oneWay: false,
      },
      { atMs: backMs - r.between(0, 400), kind: 'failover', inPlace: false },
      { atMs: backMs + r.between(-300, 500), kind: 'lose-term', node: r.pick(instanceIds) },
    ];
  },
  /** A member is gone for long, and comes back on the other side of a cut from the primary. */
  stranger: (r, atMs) => {
    const [back, friend] = r.chance(0.5) ? ['b', 'c'] : ['c', 'b'];
    const away = r.between(4_000, 5_500);
    const side = ['a', friend];
    return [
      { atMs, kind: 'cut', from: [back], to: others([back]), forMs: away, oneWay: false },
      {
        atMs: atMs + away - r.between(-300, 300),
        kind: 'cut',
        from: side,
        to: others(side),
        forMs: r.between(5_000, 9_000),
        oneWay: false,
      },
      { atMs: atMs + away + r.between(300, 1_500), kind: 'failover', inPlace: false },
    ];
  },
  /** The one just elected goes too, while answers of the others come late. */
  successor: (r, atMs) => [
    { atMs, kind: 'catch', point: 'S4', what: 'winner-off', forMs: r.between(3_000, 8_000) },
    { atMs, kind: 'disturb', loss: 0, jitterMs: r.between(100, 500), forMs: 3_000 },
    { atMs: atMs + r.between(0, 300), kind: 'failover', inPlace: false },
    {
      atMs: atMs + r.between(0, 600),
      kind: 'cut',
      from: ['a'],
      to: [...managerIds],
      forMs: r.between(2_000, 8_000),
      oneWay: false,
    },
  ],
  /** The time of day is set back on a node that hears nothing any more. */
  wallCut: (r, atMs) => {
    const node = r.chance(0.7) ? 'a' : r.pick(instanceIds);
    return [
      { atMs, kind: 'cut', from: [node], to: others([node]), forMs: r.between(4_000, 8_000), oneWay: false },
      { atMs: atMs + r.between(0, 1_500), kind: 'wall', node, byMs: r.between(-3_600_000, 60_000) },
    ];
  },
  /** Walreceivers that do not go when they are told, and a primary that only its owner cannot reach. */
  lingering: (r, atMs) => [
    ...['b', 'c'].map((node): Fault => ({ atMs, kind: 'conflict', node, forMs: r.between(1_500, 4_000) })),
    { atMs, kind: 'cut', from: ['a'], to: [...managerIds], forMs: r.between(3_000, 6_000), oneWay: false },
    { atMs: atMs + r.between(0, 1_000), kind: 'failover', inPlace: false },
  ],
  /** Promotions that take longer than their owner waits, and the one being promoted is cut off by then. */
  slowPromotion: (r, atMs) => {
    const node = r.pick(instanceIds);
    return [
      ...instanceIds.map((id): Fault => ({ atMs, kind: 'slow-promotion', node: id, forMs: r.between(5_000, 7_000) })),
      { atMs: atMs + 50, kind: 'failover', inPlace: false },
      {
        atMs: atMs + r.between(3_000, 4_800),
        kind: 'cut',
        from: [node],
        to: others([node]),
        forMs: r.between(4_000, 7_000),
        oneWay: false,
      },
      { atMs: atMs + 4_900, kind: 'slow-promotion', node: r.pick(instanceIds), forMs: 0 },
      { atMs: atMs + 4_900, kind: 'slow-promotion', node: r.pick(instanceIds), forMs: 0 },
    ];
  },
} satisfies Readonly<Record<string, Make>>;

type Kind = keyof typeof makes;
const general: readonly Kind[] = (Object.keys(makes) as Kind[]).filter(
  (kind) =>
    ![
      'usurp',
      'stutter',
      'lateWord',
      'promises',
      'stranger',
      'successor',
      'cutPrimary',
      'cutManagers',
      'wallCut',
      'lingering',
      'slowPromotion',
    ].includes(kind),
);

/** What a family is made of: how many of which. Each is a way of looking where a mistake of its kind would show. */
const recipes: Readonly<
  Record<Family, { readonly first: readonly Kind[]; readonly more: readonly Kind[]; readonly upTo: number }>
> = {
  any: { first: [], more: Object.keys(makes) as Kind[], upTo: 8 },
  takeover: {
    first: ['usurp'],
    more: ['killManager', 'api', 'cutPrimary', 'failover', 'stopManager', 'usurp'],
    upTo: 3,
  },
  stutter: { first: ['stutter'], more: ['stutter', 'stopAgent', 'wall', 'cutNode'], upTo: 3 },
  late: { first: ['lateWord'], more: ['lateWord', 'catchManager', 'cutNode', 'hold'], upTo: 2 },
  failsafe: { first: ['promises'], more: ['promises', 'killAgent', 'loseTerm', 'failover'], upTo: 2 },
  membership: { first: ['stranger'], more: ['stranger', 'cutNode', 'failover'], upTo: 2 },
  succession: { first: ['successor'], more: ['successor', 'conflict', 'failover', 'hold', 'cutNode'], upTo: 3 },
  reconfigure: {
    first: ['cutNode', 'failover'],
    more: ['off', 'killEngine', 'conflict', 'catchManager', 'cutNode', 'failover'],
    upTo: 4,
  },
  'in-place': { first: ['inPlace'], more: ['inPlace', 'cutNode', 'off', 'catchManager', 'failover', 'hold'], upTo: 4 },
  clocks: { first: ['wallCut'], more: ['wallCut', 'wall', 'freeze', 'stopAgent'], upTo: 3 },
  seal: { first: ['lingering'], more: ['lingering', 'hold', 'killEngine', 'failover'], upTo: 2 },
  'slow-promotion': { first: ['slowPromotion'], more: ['slowPromotion', 'cutNode', 'catchManager'], upTo: 2 },
  harmless: { first: [], more: ['killManager', 'api', 'wall', 'killDeadMan', 'conflict'], upTo: 5 },
};

export function makeFaults(random: Random, family: Family, mode: Mode): readonly Fault[] {
  const { first, more, upTo } = recipes[family];
  const kinds: Kind[] = [...first];
  for (let left = Math.ceil(random.next() * upTo); left > 0; left--)
    kinds.push(random.pick(family === 'any' && random.chance(0.7) ? general : more));
  const faults = kinds.flatMap((kind): readonly Fault[] =>
    (makes[kind] as Make)(
      random,
      Math.round(random.between(1_500, family === 'any' ? LAST_FAULT_MS : LAST_FAULT_MS - 7_000)),
      mode,
    ),
  );
  return faults.map(rounded).sort((a, b) => a.atMs - b.atMs);
}

/** Whole milliseconds read better, and a saved run is the same run. */
function rounded(fault: Fault): Fault {
  return Object.fromEntries(
    Object.entries(fault).map(([key, value]) => [
      key,
      typeof value === 'number' && key !== 'loss' && key !== 'probability' ? Math.round(value) : value,
    ]),
  ) as Fault;
}

/**
 * Numbers as PostgreSQL reads them: decimal, hexadecimal or octal, with an optional unit of memory or time.
 * Upper and lower case of units matter, as they do for the engine.
 */

const memory: Readonly<Record<string, number>> = { B: 1, kB: 1024, MB: 1024 ** 2, GB: 1024 ** 3, TB: 1024 ** 4 };
const time: Readonly<Record<string, number>> = { us: 0.001, ms: 1, s: 1000, min: 60_000, h: 3_600_000, d: 86_400_000 };

/** `8kB` is 8 times `kB`. */
function unitFactor(unit: string): { readonly family: 'memory' | 'time'; readonly factor: number } | undefined {
  const match = /^(\d*)([A-Za-z]+)$/.exec(unit);
  const times = match?.[1] ? Number(match[1]) : 1;
  const name = match?.[2] ?? '';
  const bytes = memory[name];
  if (bytes !== undefined) return { family: 'memory', factor: times * bytes };
  const ms = time[name];
  return ms === undefined ? undefined : { family: 'time', factor: times * ms };
}

export type ParsedNumber =
  | { readonly ok: true; readonly value: number }
  | { readonly ok: false; readonly reason: string };

const NUMBER = /^\s*([+-]?(?:0[xX][0-9a-fA-F]+|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?))\s*([A-Za-z]*)\s*$/;

function literal(digits: string, integer: boolean): number {
  const sign = digits.startsWith('-') ? -1 : 1;
  const bare = digits.replace(/^[+-]/, '');
  if (/^0[xX]/.test(bare)) return sign * Number.parseInt(bare, 16);
  if (integer && /^0[0-7]+$/.test(bare)) return sign * Number.parseInt(bare, 8);
  return sign * Number(bare);
}

/** As C's `rint`: 0.5 is 0, 1.5 is 2. */
function roundHalfToEven(value: number): number {
  const down = Math.floor(value);
  const rest = value - down;
  return rest < 0.5 || (rest === 0.5 && down % 2 === 0) ? down : down + 1;
}

/** The number that `text` means, in `baseUnit`s; integers are rounded as the engine rounds them. */
export function parseNumber(text: string, type: 'INT' | 'DOUBLE', baseUnit?: string): ParsedNumber {
  const match = NUMBER.exec(text);
  if (!match?.[1]) return { ok: false, reason: 'is not a number' };
  let value = literal(match[1], type === 'INT');
  const unit = match[2];
  if (unit) {
    const base = baseUnit === undefined ? undefined : unitFactor(baseUnit);
    if (!base) return { ok: false, reason: 'takes no unit' };
    const known = Object.keys(base.family === 'memory' ? memory : time);
    const factor = (base.family === 'memory' ? memory : time)[unit];
    if (factor === undefined) return { ok: false, reason: `has an unknown unit; units are ${known.join(', ')}` };
    value = (value * factor) / base.factor;
  }
  return { ok: true, value: type === 'INT' ? roundHalfToEven(value) : value };
}

/** A number of `baseUnit`s with the largest unit that leaves it whole: 16 of `8kB` are `128kB`. */
export function formatNumber(value: number, baseUnit?: string): string {
  const base = baseUnit === undefined ? undefined : unitFactor(baseUnit);
  if (!base || value <= 0 || !Number.isFinite(value)) return String(value);
  const absolute = value * base.factor;
  const units = Object.entries(base.family === 'memory' ? memory : time).reverse();
  const unit = units.find(([, factor]) => Number.isInteger(absolute / factor));
  return unit ? `${absolute / unit[1]}${unit[0]}` : `${value}${baseUnit}`;
}

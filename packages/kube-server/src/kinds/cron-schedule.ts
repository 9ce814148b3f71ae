/** Schedules of CronJobs: five fields, or a word such as `@daily` or `@every 1h`; in the words of Kubernetes. */

interface Field {
  readonly min: number;
  readonly max: number;
  readonly names?: readonly string[];
}

const MONTHS = 'jan feb mar apr may jun jul aug sep oct nov dec'.split(' ');
const DAYS = 'sun mon tue wed thu fri sat'.split(' ');

const fields: readonly Field[] = [
  { min: 0, max: 59 },
  { min: 0, max: 23 },
  { min: 1, max: 31 },
  { min: 1, max: 12, names: MONTHS },
  { min: 0, max: 6, names: DAYS },
];

const WORDS = ['@yearly', '@annually', '@monthly', '@weekly', '@daily', '@midnight', '@hourly'];
const EVERY = '@every ';
const DURATION = /^[+-]?(?:0|(?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+)$/;

const noNumber = (text: string): string =>
  `failed to parse int from ${text}: strconv.Atoi: parsing ${JSON.stringify(text)}: invalid syntax`;

function number(text: string, field: Field): number | string {
  const named = field.names?.indexOf(text.toLowerCase()) ?? -1;
  if (named >= 0) return named + field.min;
  if (!/^[+-]?\d+$/.test(text)) return noNumber(text);
  const value = Number(text);
  return value < 0 ? `negative number (${value}) not allowed: ${text}` : value;
}

function bounds(range: string, field: Field): readonly [number, number] | string {
  const [low = '', high, ...more] = range.split('-');
  if (low === '*' || low === '?') return [field.min, field.max];
  const start = number(low, field);
  if (typeof start === 'string') return start;
  if (high === undefined) return [start, start];
  if (more.length > 0) return `too many hyphens: ${range}`;
  const end = number(high, field);
  return typeof end === 'string' ? end : [start, end];
}

/** What is wrong with a part such as `1-5/2`. */
function wrongPart(text: string, field: Field): string | undefined {
  const [range = '', step, ...more] = text.split('/');
  const ends = bounds(range, field);
  if (typeof ends === 'string') return ends.startsWith('too many') ? `too many hyphens: ${text}` : ends;
  if (more.length > 0) return `too many slashes: ${text}`;
  const every = step === undefined ? 1 : number(step, { min: 0, max: 0 });
  if (typeof every === 'string') return every;
  // `5/10` means from 5 on.
  const [start, single] = ends;
  const end = step !== undefined && !range.includes('-') ? field.max : single;
  if (start < field.min) return `beginning of range (${start}) below minimum (${field.min}): ${text}`;
  if (end > field.max) return `end of range (${end}) above maximum (${field.max}): ${text}`;
  if (start > end) return `beginning of range (${start}) beyond end of range (${end}): ${text}`;
  return every === 0 ? `step of range should be a positive number: ${text}` : undefined;
}

/** What is wrong with a schedule, or undefined. A leading time zone is passed over: where it may stand is not judged. */
export function wrongSchedule(schedule: string): string | undefined {
  const text = schedule.replace(/^(?:CRON_)?TZ=\S* */, '').trim();
  if (text.startsWith('@')) {
    if (WORDS.includes(text)) return undefined;
    if (!text.startsWith(EVERY)) return `unrecognized descriptor: ${text}`;
    const every = text.slice(EVERY.length);
    if (DURATION.test(every)) return undefined;
    const why = /^[+-]?(?:\d+\.?\d*|\.\d+)$/.test(every) ? 'missing unit in' : 'invalid';
    return `failed to parse duration ${text}: time: ${why} duration ${JSON.stringify(every)}`;
  }
  const parts = text.split(/\s+/).filter((part) => part !== '');
  if (parts.length !== fields.length) {
    return `expected exactly ${fields.length} fields, found ${parts.length}: [${parts.join(' ')}]`;
  }
  for (const [i, field] of fields.entries()) {
    for (const part of (parts[i] ?? '').split(',').filter((each) => each !== '')) {
      const wrong = wrongPart(part, field);
      if (wrong !== undefined) return wrong;
    }
  }
  return undefined;
}

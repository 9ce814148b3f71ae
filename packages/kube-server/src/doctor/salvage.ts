import type { RawRecord } from '../store/codec.ts';
import type { LogFields, SnapshotFields } from '../store/file-header.ts';
import type { StoredObject } from '../store/object-store.ts';
import type { Entry } from '../store/view.ts';
import type { Damage, ScannedFile } from './scan.ts';

export interface RevisionRange {
  readonly first: number;
  readonly last: number;
}

/** The best state that the readable parts of a store's files give, and what is missing in it. */
export interface Salvage {
  readonly entries: readonly Entry[];
  /** The greatest revision that any readable byte mentions. */
  readonly highest: number;
  readonly store?: string;
  /** The whole snapshot that it rests on. */
  readonly basis?: string;
  /** Damage in files that are needed; all other damage changes nothing. */
  readonly damages: readonly Damage[];
  /** Keys of objects whose bytes are whole but make no sense. */
  readonly unreadable: readonly string[];
  /** Writes between what was read of which no trace is left. */
  readonly lostRevisions: readonly RevisionRange[];
  /** True where objects may be missing, old, or deleted in truth, beyond what `lostRevisions` says. */
  readonly baseMissing: boolean;
  /** The end that would have been cut at an ordinary start as well. */
  readonly tail?: Damage;
}

/** The log's part that counts, by what the log behind it says (L2 in store/disk-log.ts). */
interface Counted {
  readonly file: ScannedFile;
  readonly fields: LogFields | undefined;
  readonly frames: ScannedFile['frames'];
  readonly damages: readonly Damage[];
}

const isWhole = ({ fields, frames, damages }: ScannedFile): boolean =>
  fields?.kind === 'snapshot' &&
  damages.length === 0 &&
  frames.reduce((sum, { records }) => sum + records.length, 0) === fields.entries;

/** A file that got here from another store: nothing in it is about this one. */
function foreign({ kind, name, sequence, bytes }: ScannedFile): ScannedFile {
  const reason = 'it belongs to another store';
  return {
    kind,
    name,
    sequence,
    bytes,
    frames: [],
    damages: [{ file: name, offset: 0, bytes: bytes.length, reason, salvaged: [] }],
  };
}

function countedLogs(files: readonly ScannedFile[]): Counted[] {
  const logs = files.filter(({ kind }) => kind === 'log');
  return logs.map((file, index) => {
    const next = logs[index + 1]?.fields as LogFields | undefined;
    const limit = next?.sequence === file.sequence + 1 ? next.previousLength : undefined;
    const counts = ({ offset }: { readonly offset: number }) => offset < (limit ?? Number.POSITIVE_INFINITY);
    return {
      file,
      fields: file.fields as LogFields | undefined,
      frames: file.frames.filter(counts),
      damages: file.damages.filter(counts),
    };
  });
}

/** Rests on the newest whole snapshot; for every key the newest readable record behind it wins. */
export function salvage(all: readonly ScannedFile[]): Salvage {
  const store = all.find(({ fields }) => fields)?.fields?.store;
  const files = all.map((file) => (file.fields && file.fields.store !== store ? foreign(file) : file));
  const snapshots = files.filter(({ kind }) => kind === 'snapshot');
  const basis = snapshots.findLast(isWhole);
  const base = basis ? (basis.fields as SnapshotFields).revision : 0;
  const logs = countedLogs(files).filter(({ file }) => file.sequence >= (basis?.sequence ?? 0));
  const tail = tailOf(logs);
  const newest = new Map<string, RawRecord>();
  const take = (records: readonly RawRecord[]) => {
    for (const record of records) {
      if (record.revision >= (newest.get(record.key)?.revision ?? 0)) newest.set(record.key, record);
    }
  };
  const newer = (records: readonly RawRecord[]) => take(records.filter(({ revision }) => revision > base));

  for (const { records } of basis?.frames ?? []) take(records);
  const damaged = snapshots.filter((file) => file !== basis && file.sequence > (basis?.sequence ?? 0));
  for (const { frames, damages } of damaged) {
    for (const { records } of frames) newer(records);
    for (const { salvaged } of damages) newer(salvaged);
  }
  for (const { frames, damages } of logs) {
    for (const { records } of frames) newer(records);
    for (const damage of damages) if (damage !== tail) newer(damage.salvaged);
  }

  const { entries, unreadable } = parse(newest);
  const first = logs[0];
  return {
    entries,
    highest: Math.max(base, ...files.map(highestOf)),
    ...(store && { store }),
    ...(basis && { basis: basis.name }),
    damages: [...damaged, ...logs].flatMap(({ damages }) => damages).filter((damage) => damage !== tail),
    unreadable,
    lostRevisions: gaps(base, logs, tail),
    baseMissing: !basis && !(first?.file.sequence === 1 && (first.fields?.follows ?? 0) === 0),
    ...(tail && { tail }),
  };
}

/** The damage at the very end of the newest log. */
function tailOf(logs: readonly Counted[]): Damage | undefined {
  const last = logs.at(-1);
  const damage = last?.damages.at(-1);
  const end = damage && damage.offset + damage.bytes === last?.file.bytes.length;
  return end && last?.fields ? damage : undefined;
}

function highestOf({ fields, frames, damages }: ScannedFile): number {
  const header = fields ? (fields.kind === 'log' ? fields.base : fields.revision) : 0;
  const inDamages = damages.flatMap(({ salvaged }) => salvaged.map(({ revision }) => revision));
  return Math.max(header, ...frames.map(({ to }) => to), ...inDamages);
}

function parse(newest: ReadonlyMap<string, RawRecord>): { entries: Entry[]; unreadable: string[] } {
  const entries: Entry[] = [];
  const unreadable: string[] = [];
  for (const [key, { op, json }] of newest) {
    if (op === 'delete') continue;
    try {
      entries.push({ key, object: JSON.parse(json) as StoredObject });
    } catch {
      unreadable.push(key); // the report counts it as lost
    }
  }
  return { entries, unreadable };
}

/** The revisions behind `base` that no frame, no salvaged record and no header accounts for. */
function gaps(base: number, logs: readonly Counted[], tail: Damage | undefined): RevisionRange[] {
  const salvaged = logs
    .flatMap(({ damages }) => damages)
    .filter((damage) => damage !== tail)
    .flatMap(({ salvaged: records }) => records.map(({ revision }) => revision))
    .sort((a, b) => a - b);
  const lost: RevisionRange[] = [];
  let at = base;
  const reach = (from: number, to: number) => {
    for (const known of [...salvaged.filter((revision) => revision > at && revision <= from), from + 1]) {
      if (known > at + 1) lost.push({ first: at + 1, last: known - 1 });
      at = Math.max(at, known);
    }
    at = to;
  };
  for (const { fields, frames } of logs) {
    if (fields && fields.base > at) reach(fields.follows, fields.base);
    for (const { from, to } of frames) if (to > at) reach(from, to);
  }
  return lost;
}

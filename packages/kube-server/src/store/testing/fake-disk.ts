import { dirname } from 'node:path';
import type { Files, OpenFile } from '../files.ts';

/** A change of a file that was not fsynced yet. `doomed`: an fsync of it failed, and no later one will store it. */
interface Write {
  readonly at: number;
  readonly bytes: Uint8Array;
  doomed: boolean;
}

interface Inode {
  /** What survives a loss of power for certain. */
  durable: Buffer;
  /** What the running system reads. */
  current: Buffer;
  /** Between the two, in order; a truncation is a write of nothing at the new end with `cut`. */
  pending: (Write | { readonly cut: number; doomed: boolean })[];
}

type FolderChange =
  | {
      readonly set: string;
      readonly inode: Inode /** The name it had before, where this is a rename. */;
      readonly from?: string;
    }
  | { readonly remove: string }
  /** A folder that got another name, all at once. */
  | { readonly all: readonly FolderChange[] };

export type Operation = 'create' | 'open' | 'write' | 'sync' | 'truncate' | 'rename' | 'remove' | 'syncFolder';

export interface FakeDisk {
  readonly files: Files;
  /** Operations that change the disk so far. */
  readonly operations: number;
  readonly crashed: boolean;
  /** Resolves when the power went. */
  readonly whenCrashed: Promise<void>;
  /** Cuts the power in the middle of the operation of that number (from 1): it and all later ones never return. */
  crashAt(operation: number): void;
  /** Consulted before every operation: an error number makes it fail, having done any part of its work. */
  failWith(decide: (operation: Operation, path: string) => string | undefined): void;
  /** The disk that is found when the power is back. `random` in [0, 1) decides about everything that was not fsynced. */
  afterPowerLoss(random: () => number): FakeDisk;
  /** What is found when only the process died: all that was written, still not fsynced. */
  afterKill(): FakeDisk;
  /** Names and contents as the running system sees them. */
  contents(): ReadonlyMap<string, Buffer>;
  /** Overwrites a file durably, as damage does. */
  damage(path: string, change: (bytes: Buffer) => Buffer): void;
}

const missing = (path: string) => Object.assign(new Error(`ENOENT: ${path}`), { code: 'ENOENT' });

const written = (base: Buffer, at: number, bytes: Uint8Array): Buffer => {
  const result = Buffer.alloc(Math.max(base.length, at + bytes.length));
  base.copy(result);
  result.set(bytes, at);
  return result;
};

/** Whatever part of a write reached the platter: each sector did or did not, and the length may lag behind. */
const torn = (base: Buffer, { at, bytes }: Write, random: () => number): Buffer => {
  const sector = 48;
  const choice = random();
  if (choice < 0.25) return base;
  if (choice < 0.5) return written(base, at, bytes);
  if (choice < 0.75) return written(base, at, bytes.subarray(0, Math.floor(random() * bytes.length)));
  let result = random() < 0.5 ? written(base, at + bytes.length - 1, new Uint8Array(1)) : base;
  for (let from = 0; from < bytes.length; from += sector) {
    if (random() < 0.5) result = written(result, at + from, bytes.subarray(from, from + sector));
  }
  return result;
};

const cutTo = (base: Buffer, length: number): Buffer =>
  length <= base.length ? base.subarray(0, length) : written(base, length - 1, new Uint8Array(1));

/** A disk that loses, at a loss of power, any part of what was not fsynced. */
export function createFakeDisk(random: () => number, initial: ReadonlyMap<string, Buffer> = new Map()): FakeDisk {
  const durableNames = new Map<string, Inode>([...initial].map(([path, bytes]) => [path, newInode(bytes)]));
  return fakeDisk(random, { names: new Map(durableNames), durableNames, changes: [] });
}

interface Platter {
  readonly names: Map<string, Inode>;
  readonly durableNames: Map<string, Inode>;
  readonly changes: readonly FolderChange[];
}

const newInode = (bytes: Buffer): Inode => ({ durable: bytes, current: bytes, pending: [] });

/** A copy that no longer changes with the original. */
function copyOf({ names, durableNames, changes }: Platter): Platter {
  const copies = new Map<Inode, Inode>();
  const copy = (node: Inode): Inode => {
    const known = copies.get(node) ?? { ...node, pending: node.pending.map((one) => ({ ...one })) };
    copies.set(node, known);
    return known;
  };
  const copyNames = (map: Map<string, Inode>) => new Map([...map].map(([path, node]) => [path, copy(node)]));
  return {
    names: copyNames(names),
    durableNames: copyNames(durableNames),
    changes: changes.map(function copyChange(change): FolderChange {
      if ('all' in change) return { all: change.all.map(copyChange) };
      return 'remove' in change ? change : { ...change, inode: copy(change.inode) };
    }),
  };
}

function fakeDisk(random: () => number, platter: Platter): FakeDisk {
  const { names, durableNames } = platter;
  let changes = [...platter.changes];
  let operations = 0;
  let crashPoint = Number.POSITIVE_INFINITY;
  let failure: (operation: Operation, path: string) => string | undefined = () => undefined;
  let tellCrashed: () => void = () => {};
  const whenCrashed = new Promise<void>((resolve) => {
    tellCrashed = resolve;
  });

  /** Runs an operation; `partly` is what it may have done when it fails or the power goes, `damage` what a failure does. */
  const operate = async (
    operation: Operation,
    path: string,
    work: () => void,
    { partly, damage }: { readonly partly?: () => void; readonly damage?: () => void } = {},
  ) => {
    for (let turns = Math.floor(random() * 3); turns > 0; turns--) await new Promise(setImmediate);
    operations++;
    if (operations >= crashPoint) {
      if (operations === crashPoint) {
        if (random() < 0.5) partly?.();
        tellCrashed();
      }
      await new Promise(() => {});
    }
    const code = failure(operation, path);
    if (code) {
      partly?.();
      damage?.();
      throw Object.assign(new Error(`${code}: ${operation} ${path}`), { code });
    }
    work();
  };

  const setName = (path: string, node: Inode) => {
    names.set(path, node);
    changes.push({ set: path, inode: node });
  };
  const dropName = (path: string) => {
    names.delete(path);
    changes.push({ remove: path });
  };
  const find = (path: string): Inode => {
    const node = names.get(path);
    if (!node) throw missing(path);
    return node;
  };

  const openFile = (path: string, node: Inode): OpenFile => {
    const write = (bytes: Uint8Array, at: number) => {
      const copy = Uint8Array.from(bytes);
      node.pending.push({ at, bytes: copy, doomed: false });
      node.current = written(node.current, at, copy);
    };
    return {
      write: (bytes, at) =>
        operate('write', path, () => write(bytes, at), {
          partly: () => write(bytes.subarray(0, Math.ceil(random() * bytes.length)), at),
        }),
      sync: () =>
        operate(
          'sync',
          path,
          () => {
            // What a failed fsync left behind is reported clean: this one succeeds without having stored it.
            for (const one of node.pending.filter(({ doomed }) => !doomed)) {
              node.durable = 'cut' in one ? cutTo(node.durable, one.cut) : written(node.durable, one.at, one.bytes);
            }
            node.pending = node.pending.filter(({ doomed }) => doomed);
          },
          {
            damage: () => {
              for (const one of node.pending) one.doomed = true;
            },
          },
        ),
      truncate: (length) =>
        operate('truncate', path, () => {
          node.pending.push({ cut: length, doomed: false });
          node.current = cutTo(node.current, length);
        }),
      close: async () => {},
    };
  };

  const files: Files = {
    makeFolder: async () => {},
    list: async (folder) => {
      const inside = [...names.keys()].filter((path) => path.startsWith(`${folder}/`));
      return [...new Set(inside.map((path) => path.slice(folder.length + 1).split('/')[0] as string))];
    },
    read: async (path) => find(path).current,
    async create(path) {
      const node = newInode(Buffer.alloc(0));
      await operate('create', path, () => setName(path, node));
      return openFile(path, node);
    },
    async open(path) {
      await operate('open', path, () => {});
      return openFile(path, find(path));
    },
    rename(from, to) {
      const work = () => {
        const inside = [...names].filter(([path]) => path.startsWith(`${from}/`));
        const change: FolderChange =
          inside.length > 0
            ? { all: inside.map(([path, node]) => ({ set: to + path.slice(from.length), inode: node, from: path })) }
            : { set: to, inode: find(from), from };
        apply(names, change);
        changes.push(change);
      };
      return operate('rename', to, work, { partly: work });
    },
    remove: (path) => operate('remove', path, () => dropName(path)),
    syncFolder: (path) =>
      operate('syncFolder', path, () => {
        const isHere = (change: FolderChange): boolean =>
          'all' in change ||
          ('remove' in change ? [change.remove] : [change.set, change.from ?? '']).some((one) => dirname(one) === path);
        for (const change of changes.filter(isHere)) apply(durableNames, change);
        changes = changes.filter((change) => !isHere(change));
      }),
  };

  return {
    files,
    whenCrashed,
    get operations() {
      return operations;
    },
    get crashed() {
      return operations >= crashPoint;
    },
    crashAt(operation) {
      crashPoint = operation;
    },
    failWith(decide) {
      failure = decide;
    },
    afterPowerLoss(chance) {
      const survivors = new Map(durableNames);
      for (const change of changes) if (chance() < 0.5) apply(survivors, change);
      const bytesOf = (node: Inode): Buffer =>
        node.pending.reduce<Buffer>((bytes, one) => {
          if ('cut' in one) return chance() < 0.5 ? cutTo(bytes, one.cut) : bytes;
          return torn(bytes, one, chance);
        }, node.durable);
      return createFakeDisk(random, new Map([...survivors].map(([path, node]) => [path, bytesOf(node)])));
    },
    afterKill: () => fakeDisk(random, copyOf({ names, durableNames, changes })),
    contents: () => new Map([...names].map(([path, node]) => [path, node.current])),
    damage(path, change) {
      const node = find(path);
      node.current = change(Buffer.from(node.current));
      node.durable = node.current;
      node.pending = [];
    },
  };
}

function apply(names: Map<string, Inode>, change: FolderChange): void {
  if ('all' in change) for (const one of change.all) apply(names, one);
  else if ('remove' in change) names.delete(change.remove);
  else {
    if (change.from) names.delete(change.from);
    names.set(change.set, change.inode);
  }
}

/** `log-<sequence>`, `snapshot-<sequence>`, `<either>.tmp` while being written, `cut-<log>-<offset>` for cut bytes. */
export type StoreFile =
  | { readonly type: 'log' | 'snapshot'; readonly name: string; readonly sequence: number }
  | { readonly type: 'unfinished'; readonly name: string };

const digits = 10;

export const logName = (sequence: number): string => `log-${String(sequence).padStart(digits, '0')}`;
export const snapshotName = (sequence: number): string => `snapshot-${String(sequence).padStart(digits, '0')}`;
export const unfinished = (name: string): string => `${name}.tmp`;
export const cutName = (log: string, offset: number): string => `cut-${log}-${offset}`;

/** What a name in the store's folder is; undefined for everything that is not part of the state. */
export function storeFile(name: string): StoreFile | undefined {
  const match = /^(log|snapshot)-(\d{10})(\.tmp)?$/.exec(name);
  if (!match) return undefined;
  if (match[3]) return { type: 'unfinished', name };
  return { type: match[1] === 'log' ? 'log' : 'snapshot', name, sequence: Number(match[2]) };
}

/** The log and snapshot files among `names`, in the order of their sequence. */
export function stateFiles(names: readonly string[]) {
  const of = (type: 'log' | 'snapshot') =>
    names
      .map(storeFile)
      .filter((file) => file?.type === type)
      .map((file) => file as { readonly name: string; readonly sequence: number })
      .sort((a, b) => a.sequence - b.sequence);
  return { logs: of('log'), snapshots: of('snapshot') };
}

/**
 * Where the doctor keeps the files that a repaired copy replaced: `replaced-<n>`, named `.partial` while the old files
 * are moved there, and `.emptied` from then on until the new ones are in their place.
 */
export const replacedName = (number: number): string => `replaced-${number}`;
export const isReplaced = (name: string): boolean => /^replaced-\d+$/.test(name);
export const isHalfReplaced = (name: string): boolean => /^replaced-\d+\.(partial|emptied)$/.test(name);
export const isEmptied = (name: string): boolean => /^replaced-\d+\.emptied$/.test(name);
export const partialSuffix = '.partial';
export const emptiedSuffix = '.emptied';

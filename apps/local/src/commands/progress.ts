/** How a command shows what it is doing. */
export interface Progress {
  /** Runs `work` as a named step; `say` replaces what stands beside the name. */
  step<T>(name: string, work: (say: (detail: string) => void) => Promise<T>): Promise<T>;
  /** A line of its own. */
  note(line: string): void;
}

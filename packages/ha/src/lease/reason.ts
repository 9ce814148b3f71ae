/** A guard that was looked at: its id, whether it holds, and a sentence that `why` can quote. */
export interface Reason {
  readonly guard: string;
  readonly holds: boolean;
  readonly text: string;
}

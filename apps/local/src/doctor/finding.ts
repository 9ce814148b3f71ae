/** What one check of `polarstack doctor` found. */
export interface Finding {
  readonly name: string;
  /** `warning`: works, but somebody should know. */
  readonly state: 'ok' | 'warning' | 'failed';
  readonly detail: string;
  /** The command, or the act, that mends it. */
  readonly remedy?: string;
}

export const ok = (name: string, detail: string): Finding => ({ name, state: 'ok', detail });
export const warning = (name: string, detail: string, remedy: string): Finding => ({
  name,
  state: 'warning',
  detail,
  remedy,
});
export const failed = (name: string, detail: string, remedy: string): Finding => ({
  name,
  state: 'failed',
  detail,
  remedy,
});

/** What the supervisor ({@link Supervisor}) is to others. */
import type { Logger } from '@polarstack/base';
import type { EngineDeath, StopMode } from '@polarstack/contracts';
import type { EngineDriver, EngineProcess } from '@polarstack/engine';
import type { StateFile } from './state-file.ts';
import type { TermFile } from './term-file.ts';

export interface RunningEngine {
  readonly process: EngineProcess;
  /** It said that it accepts connections, and is in the role of its term. */
  readonly accepting: boolean;
}

export interface Failure {
  readonly reason: string;
  /** How often in a row it ended or did not start. */
  readonly failures: number;
  /** Whether more will be learned about it by itself. */
  readonly explained: boolean;
}

export interface Supervisor {
  readonly engine: RunningEngine | undefined;
  readonly stopping: boolean;
  readonly failure: Failure | undefined;
  /** How it ended last that nobody had asked to; until it accepts connections again. */
  readonly died: EngineDeath | undefined;
  /** The folder is barred since {@link depose}. */
  readonly deposed: boolean;
  /** Calls `listener` at every change of the above, in the midst of it; returns the end of that. */
  onChange(listener: () => void): () => void;
  /** Finds the engine that an earlier agent left running. To be called first, and before anyone may ask. */
  adopt(): Promise<void>;
  /** Starts the engine and looks after it until the signal ends that. */
  run(): Promise<void>;
  /** Wants the engine running; resolves when it accepts connections. Throws why it does not. */
  start(signal: AbortSignal): Promise<void>;
  /** Like {@link start} for a folder whose bootstrap is under way. */
  startUnfinished(signal: AbortSignal): Promise<void>;
  /** Wants the engine stopped; resolves when no process of it is left. Goes on as immediate after `timeoutMs`. */
  stop(mode: StopMode, timeoutMs: number): Promise<void>;
  /** The pod ends: stops the engine without wanting it stopped for good. */
  shutdown(timeoutMs: number): Promise<void>;
  /** Writes the configuration files for the present term and config; reloads a running engine. */
  configure(signal: AbortSignal): Promise<void>;
  /** Only in a term of role primary, and of `epoch` where that is given. */
  promote(epoch: number | undefined, timeoutMs: number, signal: AbortSignal): Promise<void>;
  /**
   * Stops an engine that left recovery though its term makes it a replica, and bars its folder from being started until
   * work {@link whileStopped} put it right. False where it is another engine or term by now.
   */
  depose(process: EngineProcess): Promise<boolean>;
  /** Runs `work`, which puts the folder right, while the engine is stopped and nothing starts it. Throws `EngineRunning`. */
  whileStopped(work: () => Promise<void>): Promise<void>;
}

export interface SupervisorOptions {
  readonly driver: EngineDriver;
  readonly terms: TermFile;
  readonly state: StateFile;
  readonly log: Logger;
  /** Whether somebody hears of a death at once, and may have a word to say (L8). */
  readonly isHeard: () => boolean;
  /** Default OWNER_WORD_MS. */
  readonly ownerWordMs?: number;
  /** Ends the looking after, not the engine. */
  readonly signal: AbortSignal;
}

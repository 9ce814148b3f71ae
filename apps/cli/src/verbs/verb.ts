/** A verb of the command line that changes a cluster: how it is said, and what it comes to. */
import type { Command } from 'commander';
import type { Wish, WishContext } from '../change/wish.ts';

export interface Verb {
  readonly name: string;
  readonly description: string;
  /** Whether the spec is edited (see {@link Wish}); it is said in the help. */
  readonly how: Wish['how'];
  /** Adds the arguments after `<cluster>` and the options of its own. */
  readonly declare: (command: Command) => Command;
  /** What it comes to for this cluster. Throws where the input is wrong, before anything is made. */
  readonly wish: (context: WishContext, args: VerbArguments) => Wish | Promise<Wish>;
}

export interface VerbArguments {
  /** Those after `<cluster>`. */
  readonly words: readonly string[];
  readonly flags: Readonly<Record<string, unknown>>;
}

/** A regular expression as a tree, and the errors of one that is none. */

/** Whether a code point is one of a set. */
export type CharTest = (point: number) => boolean;

export type Assertion = 'begin-text' | 'end-text' | 'begin-line' | 'end-line' | 'word' | 'no-word';

export type RegexTree =
  | { readonly kind: 'empty' }
  | { readonly kind: 'char'; readonly test: CharTest }
  | { readonly kind: 'assert'; readonly what: Assertion }
  | { readonly kind: 'sequence'; readonly parts: readonly RegexTree[] }
  | { readonly kind: 'choice'; readonly parts: readonly RegexTree[] }
  | {
      readonly kind: 'repeat';
      readonly part: RegexTree;
      readonly min: number;
      /** Undefined: without end. */
      readonly max: number | undefined;
      readonly isLazy: boolean;
    };

/** The message is in the words of Go's parser, which the users of Kubernetes know. */
export class RegexProblem extends Error {
  constructor(what: string, part: string) {
    super(`error parsing regexp: ${what}: \`${part}\``);
    this.name = 'RegexProblem';
  }
}

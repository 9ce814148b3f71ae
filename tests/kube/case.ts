import type { Api } from './api.ts';

/** One scenario of the contract. It states what must hold with `expect`; every answer is compared besides. */
export interface ContractCase {
  /** Topic and sentence; unique. */
  readonly name: string;
  /** Needs something that runs pods: only our server has that here. */
  readonly kubelet?: true;
  readonly run: (api: Api) => Promise<void>;
}

/** The cases of one topic. */
export function topic(
  title: string,
  cases: Readonly<Record<string, ContractCase['run']>>,
  options: { readonly kubelet?: true } = {},
): readonly ContractCase[] {
  return Object.entries(cases).map(([name, run]) => ({ name: `${title}: ${name}`, run, ...options }));
}

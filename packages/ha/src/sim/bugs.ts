/** Mistakes that the simulated protocol makes on request: a simulator that finds none of them proves nothing. */
export const bugs = [
  'f4-stored-deadline',
  'takeover-while-answering',
  'dead-man-relative',
  'dead-man-wall-clock',
  'no-floor',
  'configuration-replaced',
  'sync-published-after-routing',
  'grant-with-promote',
  'term-lost-answered',
  'unknown-electable',
  'reload-as-seal',
  'canary-proves-nothing',
  'skip-fence',
  'no-evidence-against-candidate',
  'introduced-without-promise',
  'fence-below-stay',
] as const;

export type Bug = (typeof bugs)[number];

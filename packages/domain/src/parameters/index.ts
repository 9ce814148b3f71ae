export { checkParameter, checkParameters, checkValue, type ParameterProblem } from './check.ts';
export { checkConsistency } from './consistency.ts';
export * from './flush.ts';
export * from './item.ts';
export * from './layers.ts';
export * from './quoting.ts';
export { isSameValue } from './same-value.ts';
export * from './units.ts';

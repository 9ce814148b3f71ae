import { migrate, rebuild, removeReplica, restart, switchover } from './operation-verbs.ts';
import { extend, scale, setClass, setParam, upgrade } from './spec-verbs.ts';
import type { Verb } from './verb.ts';

/** In the order of the help. */
export const verbs: readonly Verb[] = [
  switchover,
  scale,
  setClass,
  setParam,
  restart,
  migrate,
  rebuild,
  removeReplica,
  upgrade,
  extend,
];

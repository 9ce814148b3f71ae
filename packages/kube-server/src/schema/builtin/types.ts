import { compileTypes, type TypeSource } from '../dsl.ts';
import { coreTypes } from './core-types.ts';
import { commonDescriptions, descriptions } from './descriptions.ts';
import { groupTypes } from './group-types.ts';
import { metaTypes } from './meta-types.ts';
import { otherTypes } from './other-types.ts';
import { podTypes } from './pod-types.ts';
import { workloadTypes } from './workload-types.ts';

/** The types of all built-in kinds, compiled one by one when first asked for. */
export function builtinTypes(): TypeSource {
  return compileTypes([metaTypes, podTypes, coreTypes, ...groupTypes, ...workloadTypes, ...otherTypes], {
    ...commonDescriptions,
    ...descriptions,
  });
}

export { patienceVariables, readPatience } from './config.ts';
export { openApi } from './rest/openapi.ts';
export { type Rest, type RestOptions, startRest } from './rest/start-rest.ts';
export { type Operator, type OperatorOptions, startOperator } from './start-operator.ts';
export type { Patience } from './steps/patience.ts';

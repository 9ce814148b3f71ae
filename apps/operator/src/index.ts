export { type Operator, type OperatorOptions, startOperator } from './start-operator.ts';

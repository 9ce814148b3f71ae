export { currentStepOf } from './operation-facts.ts';
export { type SwitchHistory, switchHistoryOf } from './switch-facts.ts';
export { ageOf, sentenceOf, type Why, type WhyFact, type WhyInput, type WhyLevel, why } from './why.ts';

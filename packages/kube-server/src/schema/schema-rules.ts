/**
 * What a CustomResourceDefinition may say about the form of its objects, beyond being structural: words that are not
 * supported, extensions that do not go together, and rules that do not compile or cost too much.
 */
import { type FieldError, fieldError } from '../http/field-error.ts';
import { isObject } from '../json.ts';
import { estimateCost } from './cel/cost.ts';
import { type Declared, declaredOf, MAX_REQUEST } from './cel/declared.ts';
import { compileRule, type RuleCompilation } from './cel.ts';
import { checkDefaults } from './default-rules.ts';
import type { Schema, ValidationRule } from './schema.ts';
import { readSchemaPath } from './schema-path.ts';
import { checkStructural, isSet, unreadableAsStructural } from './structural.ts';

export interface SchemaRuleOptions {
  /** Then the root may say only what survives taking the status out of it. */
  readonly hasStatus: boolean;
  /** Rules of a schema that did not change may stay as expensive as they are. */
  readonly isUnchanged: boolean;
}

/** Words that the root may have beside `type` where the status is a resource of its own. */
const rootWords = new Set(
  'description type format title maximum exclusiveMaximum minimum exclusiveMinimum maxLength minLength pattern maxItems minItems uniqueItems multipleOf required items properties externalDocs example x-kubernetes-preserve-unknown-fields x-kubernetes-validations'.split(
    ' ',
  ),
);
const ROOT_WORDS_SHOWN =
  'Description Type Format Title Maximum ExclusiveMaximum Minimum ExclusiveMinimum MaxLength MinLength Pattern MaxItems MinItems UniqueItems MultipleOf Required Items Properties ExternalDocs Example XPreserveUnknownFields XValidations';

/** Everything that is wrong with a schema; `at` is where the definition has it. */
export function checkSchema(schema: Schema, at: string, options: SchemaRuleOptions): readonly FieldError[] {
  const root = `${at}.openAPIV3Schema`;
  const errors: FieldError[] = options.hasStatus ? [...checkRoot(schema, root)] : [];
  if (schema.nullable === true)
    errors.push(fieldError.forbidden(`${root}.nullable`, 'nullable cannot be true at the root'));
  const unreadable = unreadableAsStructural(schema);
  let cost: TotalCost | undefined;
  if (unreadable === undefined) {
    const structural = checkStructural(schema, root);
    const problems = structural.length > 0 ? structural : checkDefaults(schema, root);
    errors.push(...problems);
    if (problems.length === 0) cost = { total: 0, expensive: [] };
  }
  const found = visit(
    schema,
    root,
    { isRoot: true, isMeta: false, noDefaults: undefined, uncorrelated: undefined, options },
    cost && { declared: undefined, isScoped: false, times: 1, cost, isRoot: true },
  );
  errors.push(...found.schema, ...found.rules);
  if (errors.length === 0 && unreadable !== undefined) errors.push(fieldError.invalid(root, '', unreadable));
  if (cost && cost.total > TOTAL_LIMIT) errors.push(...tooExpensive(cost, root));
  return errors;
}

function checkRoot(schema: Schema, at: string): readonly FieldError[] {
  if (schema.type !== undefined && schema.type !== 'object') {
    const why = 'only "object" is allowed as the type at the root of the schema if the status subresource is enabled';
    return [fieldError.invalid(`${at}.type`, schema.type, why)];
  }
  const isOther = Object.entries(schema).some(
    ([word, value]) => !rootWords.has(word) && ![undefined, false, ''].includes(value as ''),
  );
  if (!isOther) return [];
  const why = `only [${ROOT_WORDS_SHOWN}] fields are allowed at the root of the schema if the status subresource is enabled`;
  return [fieldError.invalid(at, schema, why)];
}

const RULE_LIMIT = 10_000_000;
const TOTAL_LIMIT = 100_000_000;

interface TotalCost {
  total: number;
  /** The rules that make up most of it, the most expensive first. */
  expensive: readonly { readonly at: string; readonly cost: number }[];
}

function observe(cost: TotalCost, at: string, more: number): void {
  cost.total += more;
  if (more < TOTAL_LIMIT / 100) return;
  cost.expensive = [...cost.expensive, { at, cost: more }].sort((a, b) => b.cost - a.cost).slice(0, 4);
}

function tooExpensive(cost: TotalCost, at: string): readonly FieldError[] {
  return [
    ...cost.expensive.map((one) =>
      fieldError.forbidden(
        one.at,
        'contributed to estimated rule cost total exceeding cost limit for entire OpenAPIv3 schema',
      ),
    ),
    fieldError.forbidden(
      at,
      costText(
        'x-kubernetes-validations estimated rule cost total for entire OpenAPIv3 schema',
        cost.total,
        TOTAL_LIMIT,
      ),
    ),
  ];
}

function costText(what: string, cost: number, limit: number): string {
  const times = cost / limit;
  const factor = times > 100 ? 'more than 100x' : `${times.toFixed(times < 1.5 ? 6 : 1)}x`;
  return `${what} exceeds budget by factor of ${factor} (try simplifying the rule, or adding maxItems, maxProperties, and maxLength where arrays, maps, and strings are declared)`;
}

interface Context {
  readonly isRoot: boolean;
  /** Inside of the metadata of an object. */
  readonly isMeta: boolean;
  /** Why there may be no default here. */
  readonly noDefaults: string | undefined;
  /** The outermost schema above whose values have no old value that can be told. */
  readonly uncorrelated: string | undefined;
  readonly options: SchemaRuleOptions;
}

/** How rules see the schema; absent inside of logic, and where the schema is not structural. */
interface RuleContext {
  /** The type of this schema, where a rule above asked for it. */
  readonly declared: Declared | undefined;
  readonly isScoped: boolean;
  /** How often the schema can occur in one object; undefined: no bound is declared. */
  readonly times: number | undefined;
  readonly cost: TotalCost;
  readonly isRoot: boolean;
}

interface Found {
  readonly schema: FieldError[];
  readonly rules: FieldError[];
}

function visit(schema: Schema, at: string, context: Context, rules: RuleContext | undefined): Found {
  const found: Found = { schema: [...checkWords(schema, at, context)], rules: [] };
  const into = (child: Schema, place: string, inner: Partial<Context>, childRules: RuleContext | undefined): void => {
    const more = visit(child, place, { ...context, isRoot: false, ...inner }, childRules);
    found.schema.push(...more.schema);
    found.rules.push(...more.rules);
  };
  const own = rules && enter(schema, rules);
  if (isObject(schema.additionalProperties)) {
    const why = context.isMeta ? 'inside additionalProperties applying to object metadata' : context.noDefaults;
    const child = schema.additionalProperties as Schema;
    into(child, `${at}.additionalProperties`, { noDefaults: why }, own && below(schema, child, own, 'item'));
  }
  const isResource = context.isRoot || schema['x-kubernetes-embedded-resource'] === true;
  for (const [name, child] of Object.entries(schema.properties ?? {})) {
    const isMeta = isResource && ['metadata', 'kind', 'apiVersion'].includes(name);
    const noDefaults = context.isRoot && isMeta ? `in top-level ${name}` : context.noDefaults;
    into(
      child,
      `${at}.properties[${name}]`,
      { isMeta: isMeta || context.isMeta, noDefaults },
      own && below(schema, child, own, name),
    );
  }
  if (schema.not) into(schema.not, `${at}.not`, {}, undefined);
  for (const word of ['allOf', 'oneOf', 'anyOf'] as const) {
    for (const [i, part] of (schema[word] ?? []).entries()) into(part, `${at}.${word}[${i}]`, {}, undefined);
  }
  if (schema.items) {
    const isCorrelated = schema['x-kubernetes-list-type'] === 'map';
    into(
      schema.items,
      `${at}.items`,
      { uncorrelated: context.uncorrelated ?? (isCorrelated ? undefined : at) },
      own && below(schema, schema.items, own, 'item'),
    );
  }
  found.schema.push(...checkCombinations(schema, at), ...checkListMap(schema, at), ...checkRuleWords(schema, at));
  if (found.schema.length === 0 && own) found.rules.push(...checkRules(schema, at, context, own));
  return found;
}

function enter(schema: Schema, rules: RuleContext): RuleContext {
  const isScoped = rules.isScoped || (schema['x-kubernetes-validations'] ?? []).length > 0;
  if (!isScoped || rules.declared) return { ...rules, isScoped };
  const isRoot = rules.isRoot || schema['x-kubernetes-embedded-resource'] === true;
  return { ...rules, isScoped, declared: declaredOf(schema, isRoot) };
}

function below(schema: Schema, child: Schema, rules: RuleContext, part: string): RuleContext {
  const isMap = isObject(schema.additionalProperties);
  const most = schema.type === 'array' ? schema.maxItems : schema.type === 'object' && isMap ? schema.maxProperties : 1;
  const isMany = part === 'item' && (schema.type === 'array' || isMap);
  const declared = isMany ? rules.declared?.item : rules.declared?.fields?.get(part);
  const hasOwn = (child['x-kubernetes-validations'] ?? []).length > 0;
  return {
    ...rules,
    isRoot: false,
    declared:
      declared ??
      (rules.isScoped || hasOwn ? declaredOf(child, child['x-kubernetes-embedded-resource'] === true) : undefined),
    times: rules.times === undefined || most === undefined ? undefined : rules.times * Math.max(most, 0),
  };
}

const QUADRATIC = 'uniqueItems cannot be set to true since the runtime complexity becomes quadratic';
const types = ['array', 'boolean', 'integer', 'number', 'object', 'string'];

function* checkWords(schema: Schema, at: string, context: Context): Iterable<FieldError> {
  const type: string = schema.type ?? '';
  if (type !== '' && !types.includes(type)) yield fieldError.notSupported(`${at}.type`, type, types);
  if (schema.default !== undefined && context.noDefaults !== undefined) {
    yield fieldError.forbidden(`${at}.default`, `must not be set ${context.noDefaults}`);
  }
  const words = ['id', 'additionalItems', 'patternProperties', 'definitions', 'dependencies', '$ref'];
  for (const word of words) {
    if (isSet(schema, word)) yield fieldError.forbidden(`${at}.${word}`, `${word} is not supported`);
  }
  if (type === 'null') {
    yield fieldError.forbidden(`${at}.type`, 'type cannot be set to null, use nullable as an alternative');
  }
  if (context.isMeta && schema['x-kubernetes-embedded-resource'] === true) {
    yield fieldError.forbidden(`${at}.x-kubernetes-embedded-resource`, 'must not be used inside of resource meta');
  }
  if (schema.uniqueItems === true) {
    yield fieldError.forbidden(`${at}.uniqueItems`, QUADRATIC);
  }
  const { additionalProperties, properties } = schema;
  if (additionalProperties !== undefined && additionalProperties !== true && Object.keys(properties ?? {}).length > 0) {
    yield fieldError.forbidden(
      `${at}.additionalProperties`,
      'additionalProperties and properties are mutual exclusive',
    );
  }
}

/** A type that an extension asks for. */
function wrongType(schema: Schema, at: string, wanted: string, extension: string): FieldError {
  const why = `must be ${wanted} if ${extension} is specified`;
  return schema.type === undefined
    ? fieldError.required(`${at}.type`, why)
    : fieldError.invalid(`${at}.type`, schema.type, why);
}

function* checkCombinations(schema: Schema, at: string): Iterable<FieldError> {
  if (schema['x-kubernetes-preserve-unknown-fields'] === false) {
    yield fieldError.invalid(`${at}.x-kubernetes-preserve-unknown-fields`, false, 'must be true or undefined');
  }
  const mapType: string | undefined = schema['x-kubernetes-map-type'];
  if (mapType !== undefined && schema.type !== 'object') yield wrongType(schema, at, 'object', 'x-kubernetes-map-type');
  if (mapType !== undefined && mapType !== 'atomic' && mapType !== 'granular') {
    yield fieldError.notSupported(`${at}.x-kubernetes-map-type`, mapType, ['atomic', 'granular']);
  }
  const listType: string | undefined = schema['x-kubernetes-list-type'];
  if (listType !== undefined && schema.type !== 'array') yield wrongType(schema, at, 'array', 'x-kubernetes-list-type');
  else if (listType === 'set' && schema.items) yield* checkSetItems(schema.items, `${at}.items`);
  if (listType !== undefined && !['atomic', 'set', 'map'].includes(listType)) {
    yield fieldError.notSupported(`${at}.x-kubernetes-list-type`, listType, ['atomic', 'set', 'map']);
  }
  if ((schema['x-kubernetes-list-map-keys'] ?? []).length > 0 && listType !== 'map') {
    const why = 'must be map if x-kubernetes-list-map-keys is non-empty';
    const place = `${at}.x-kubernetes-list-type`;
    yield listType === undefined ? fieldError.required(place, why) : fieldError.invalid(place, listType, why);
  }
}

function* checkSetItems(items: Schema, at: string): Iterable<FieldError> {
  const why = 'must be atomic as item of a list with x-kubernetes-list-type=set';
  const listType = items['x-kubernetes-list-type'];
  if (items.type === 'array' && listType !== undefined && listType !== 'atomic') {
    yield fieldError.invalid(`${at}.x-kubernetes-list-type`, listType, why);
  }
  if (items.type === 'object' && items['x-kubernetes-map-type'] !== 'atomic') {
    yield fieldError.invalid(`${at}.x-kubernetes-map-type`, listType ?? null, why);
  }
}

function* checkListMap(schema: Schema, at: string): Iterable<FieldError> {
  const listType = schema['x-kubernetes-list-type'];
  const keys = schema['x-kubernetes-list-map-keys'] ?? [];
  const { items } = schema;
  if (listType === 'map') {
    const place = `${at}.x-kubernetes-list-map-keys`;
    if (keys.length === 0) yield fieldError.required(place, 'must not be empty if x-kubernetes-list-type is map');
    if (!items) yield fieldError.required(`${at}.items`, 'must have a schema if x-kubernetes-list-type is map');
    else if (items.type !== 'object') {
      const why = "must be object if parent array's x-kubernetes-list-type is map";
      yield fieldError.invalid(`${at}.items.type`, items.type ?? '', why);
    } else {
      for (const [i, key] of keys.entries()) {
        const item = items.properties?.[key];
        if (!item) yield fieldError.invalid(place, keys, 'entries must all be names of item properties');
        else if (item.type === 'array' || item.type === 'object') {
          const why = "must be a scalar type if parent array's x-kubernetes-list-type is map";
          yield fieldError.invalid(`${at}.items.properties[${key}].type`, items.type, why);
        }
        if (keys.indexOf(key) < i) yield fieldError.invalid(place, keys, 'must not contain duplicate entries');
      }
    }
  }
  if (!items || (listType !== 'set' && listType !== 'map')) return;
  if (items.nullable === true) {
    yield fieldError.forbidden(`${at}.items.nullable`, `cannot be nullable when x-kubernetes-list-type is ${listType}`);
  }
  for (const key of listType === 'map' ? keys : []) {
    const item = items.properties?.[key];
    const place = `${at}.items.properties[${key}]`;
    if (!item) continue;
    if (!items.required?.includes(key) && item.default === undefined) {
      const why = 'this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property';
      yield fieldError.required(`${place}.default`, why);
    }
    if (item.nullable === true) {
      const why = 'this property is in x-kubernetes-list-map-keys, so it cannot be nullable';
      yield fieldError.forbidden(`${place}.nullable`, why);
    }
  }
}

const reasons = ['FieldValueDuplicate', 'FieldValueForbidden', 'FieldValueInvalid', 'FieldValueRequired'];

function* checkRuleWords(schema: Schema, at: string): Iterable<FieldError> {
  for (const [i, rule] of (schema['x-kubernetes-validations'] ?? []).entries()) {
    const place = `${at}.x-kubernetes-validations[${i}]`;
    const { message = '', messageExpression = '', fieldPath = '', reason } = rule;
    const text = (rule.rule ?? '').trim();
    if (text === '') yield fieldError.required(`${place}.rule`, 'rule is not specified');
    else if (message !== '' && message.trim() === '') {
      yield fieldError.invalid(`${place}.message`, message, 'must be non-empty if specified');
    } else if (/[\n\r]/.test(message.trim())) {
      yield fieldError.invalid(`${place}.message`, message, 'must not contain line breaks');
    } else if (/[\n\r]/.test(text) && message.trim() === '') {
      yield fieldError.required(`${place}.message`, 'message must be specified if rule contains line breaks');
    }
    if (messageExpression !== '' && messageExpression.trim() === '') {
      yield fieldError.required(`${place}.messageExpression`, 'messageExpression must be non-empty if specified');
    }
    if (reason !== undefined && !reasons.includes(reason))
      yield fieldError.notSupported(`${place}.reason`, reason, reasons);
    if (fieldPath !== '' && fieldPath.trim() === '') {
      yield fieldError.invalid(`${place}.fieldPath`, fieldPath, 'must be non-empty if specified');
    }
    if (/[\n\r]/.test(fieldPath)) {
      yield fieldError.invalid(`${place}.fieldPath`, fieldPath, 'must not contain line breaks');
    }
    if (fieldPath !== '' && 'problem' in readSchemaPath(fieldPath, schema)) {
      yield fieldError.invalid(`${place}.fieldPath`, fieldPath, 'must be a valid path');
    }
  }
}

/** As Kubernetes shows it. */
const shownRule = (rule: ValidationRule): object => ({
  Rule: rule.rule,
  Message: rule.message ?? '',
  MessageExpression: rule.messageExpression ?? '',
  Reason: rule.reason ?? null,
  FieldPath: rule.fieldPath ?? '',
  OptionalOldSelf: rule.optionalOldSelf ?? null,
});

function* checkRules(schema: Schema, at: string, context: Context, rules: RuleContext): Iterable<FieldError> {
  const own = schema['x-kubernetes-validations'] ?? [];
  const { declared, cost } = rules;
  if (own.length === 0 || !declared) return;
  const roots = new Map(['self', 'oldSelf'].map((name) => [name, declared]));
  const times = rules.times ?? Math.floor(MAX_REQUEST / (declared.minSize + 1));
  for (const [i, rule] of own.entries()) {
    const place = `${at}.x-kubernetes-validations[${i}]`;
    const result = compileRule(rule, schema, declared);
    const ruleCost = result.compiled ? estimateCost(result.compiled.run, roots) * times : 0;
    if (!context.options.isUnchanged && ruleCost > RULE_LIMIT) {
      yield fieldError.forbidden(`${place}.rule`, costText('estimated rule cost', ruleCost, RULE_LIMIT));
    }
    observe(cost, `${place}.rule`, ruleCost);
    yield* compilationErrors(result, rule, place);
    const { compiled } = result;
    if (compiled?.message) {
      const messageCost = estimateCost(compiled.message, roots);
      if (!context.options.isUnchanged && messageCost > RULE_LIMIT) {
        const why = costText('estimated messageExpression cost', messageCost, RULE_LIMIT);
        yield fieldError.forbidden(`${place}.messageExpression`, why);
      }
      observe(cost, `${place}.messageExpression`, messageCost);
    }
    if (compiled?.isTransition) {
      if (context.uncorrelated !== undefined) {
        const why = `oldSelf cannot be used on the uncorrelatable portion of the schema within ${context.uncorrelated}`;
        yield fieldError.invalid(`${place}.rule`, rule.rule, why);
      }
    } else if (rule.optionalOldSelf !== undefined) {
      const why = 'may not be set if oldSelf is not used in rule';
      yield fieldError.invalid(`${place}.optionalOldSelf`, rule.optionalOldSelf, why);
    }
  }
}

function* compilationErrors(result: RuleCompilation, rule: ValidationRule, place: string): Iterable<FieldError> {
  if (result.problem !== undefined) yield fieldError.invalid(`${place}.rule`, shownRule(rule), result.problem);
  if (result.messageProblem !== undefined) {
    yield fieldError.invalid(`${place}.messageExpression`, shownRule(rule), result.messageProblem);
  }
}

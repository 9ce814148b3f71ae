/** Selectors of labels as a query writes them: `a=b,c!=d,e in (f,g),h notin (i),j,!k,l>3`. */
import { fieldError, fieldMessage } from '../http/field-error.ts';
import { errors } from '../http/status.ts';
import type { JsonObject } from '../json.ts';
import { nameChecks } from '../registry/names.ts';

type Labels = Readonly<Record<string, unknown>>;
type Requirement = (labels: Labels) => boolean;
type Problem = string;

/** `name` for keys, values and words; `end` behind the last one. */
interface Token {
  readonly kind: 'name' | 'symbol' | 'end' | 'error';
  readonly text: string;
}

const SYMBOLS: ReadonlySet<string> = new Set([')', '(', ',', '!', '=', '==', '!=', '>', '<']);
const isSpecial = (character: string | undefined): boolean => character !== undefined && '=!(),<>'.includes(character);
const isBlank = (character: string | undefined): boolean => character !== undefined && ' \t\r\n'.includes(character);
const end: Token = { kind: 'end', text: '' };

function tokens(text: string): readonly Token[] {
  const found: Token[] = [];
  let at = 0;
  while (at < text.length) {
    const start = at;
    if (isBlank(text[at])) {
      at++;
    } else if (isSpecial(text[at])) {
      const symbol = [text.slice(at, at + 2), text.slice(at, at + 1)].find((each) => SYMBOLS.has(each));
      at += symbol?.length ?? text.length;
      const unknown = `error expected: keyword found '${text.slice(start)}'`;
      found.push(symbol === undefined ? { kind: 'error', text: unknown } : { kind: 'symbol', text: symbol });
    } else {
      while (at < text.length && !isSpecial(text[at]) && !isBlank(text[at])) at++;
      found.push({ kind: 'name', text: text.slice(start, at) });
    }
  }
  return found;
}

const problem = (text: string): Error => errors.badRequest(text);
const unreadable = (why: Problem): Error => problem(`unable to parse requirement: ${why}`);

/** Undefined for a selector that selects everything. Throws 400, in the words of Kubernetes. */
export function labelSelector(text: string | null): ((object: Readonly<JsonObject>) => boolean) | undefined {
  if (text === null) return undefined;
  const requirements = parse(tokens(text));
  if (requirements.length === 0) return undefined;
  return (object) => {
    const labels = (object.metadata as { readonly labels?: Labels } | undefined)?.labels ?? {};
    return requirements.every((holds) => holds(labels));
  };
}

function parse(all: readonly Token[]): readonly Requirement[] {
  const requirements: Requirement[] = [];
  let at = 0;
  const peek = (): Token => all[at] ?? end;
  const next = (): Token => all[at++] ?? end;
  const begins = ({ kind, text }: Token): boolean => kind === 'name' || (kind === 'symbol' && text === '!');
  while (peek().kind !== 'end') {
    if (!begins(peek())) throw problem(`found '${peek().text}', expected: !, identifier, or 'end of string'`);
    requirements.push(requirement(peek, next));
    const after = next();
    if (after.kind === 'end') break;
    if (!is(after, ',')) throw problem(`found '${after.text}', expected: ',' or 'end of string'`);
    if (!begins(peek())) throw problem(`found '${peek().text}', expected: identifier after ','`);
  }
  return requirements;
}

const is = ({ kind, text }: Token, symbol: string): boolean => kind === 'symbol' && text === symbol;
const isOver = (token: Token): boolean => token.kind === 'end' || is(token, ',');

function requirement(peek: () => Token, next: () => Token): Requirement {
  let name = next();
  const isAbsence = is(name, '!');
  if (isAbsence) name = next();
  if (name.kind !== 'name') throw unreadable(`found '${name.text}', expected: identifier`);
  const key = name.text;
  const wrong = nameChecks.qualified(key);
  if (wrong !== undefined) throw unreadable(fieldMessage(fieldError.invalid('<nil>', key, wrong)));
  if (isAbsence) return (labels) => !Object.hasOwn(labels, key);
  if (isOver(peek())) return (labels) => Object.hasOwn(labels, key);
  const operator = next();
  const isWord = operator.kind === 'name' && (operator.text === 'in' || operator.text === 'notin');
  if (!isWord && !(operator.kind === 'symbol' && !['(', ')', ',', '!'].includes(operator.text))) {
    throw unreadable(`found '${operator.text}', expected: in, notin, =, ==, !=, gt, lt`);
  }
  const values = [...new Set(isWord ? valueList(peek, next) : [exactValue(peek, next)])].sort();
  checkValues(key, operator.text, values);
  return judge(key, operator.text, values);
}

function exactValue(peek: () => Token, next: () => Token): string {
  if (isOver(peek())) return '';
  const value = next();
  if (value.kind !== 'name') throw unreadable(`found '${value.text}', expected: identifier`);
  return value.text;
}

/** An empty place between commas is an empty value. */
function valueList(peek: () => Token, next: () => Token): readonly string[] {
  const open = next();
  if (!is(open, '(')) throw unreadable(`found '${open.text}' expected: '('`);
  const first = peek();
  if (first.kind !== 'name' && !is(first, ',') && !is(first, ')')) {
    throw unreadable(`found '${first.text}', expected: ',', ')' or identifier`);
  }
  const values: string[] = [];
  for (let isFirst = true; ; isFirst = false) {
    const token = next();
    if (is(token, ')')) {
      if (isFirst || values.length === 0) values.push('');
      return values;
    }
    if (token.kind === 'name') {
      values.push(token.text);
      const after = peek();
      if (!is(after, ',') && !is(after, ')')) throw unreadable(`found '${after.text}', expected: ',' or ')'`);
    } else if (is(token, ',')) {
      if (values.length === 0 || is(peek(), ')') || is(peek(), ',')) values.push('');
    } else throw unreadable(`found '${token.text}', expected: ',', or identifier`);
  }
}

const isWhole = (text: string): boolean => /^[-+]?\d+$/.test(text);

function checkValues(key: string, operator: string, values: readonly string[]): void {
  for (const [i, value] of values.entries()) {
    const wrong = nameChecks.labelValue(value);
    if (wrong !== undefined) throw unreadable(fieldMessage(fieldError.invalid(`values[${i}][${key}]`, value, wrong)));
    if ((operator === '<' || operator === '>') && !isWhole(value)) {
      const why = "for 'Gt', 'Lt' operators, the value must be an integer";
      throw unreadable(fieldMessage(fieldError.invalid(`values[${i}]`, value, why)));
    }
  }
}

function judge(key: string, operator: string, values: readonly string[]): Requirement {
  const wanted = new Set(values);
  const has = (labels: Labels): boolean => Object.hasOwn(labels, key) && wanted.has(String(labels[key]));
  const [first = ''] = values;
  switch (operator) {
    case 'notin':
    case '!=':
      return (labels) => !has(labels);
    case '<':
    case '>': {
      const bound = BigInt(first.replace(/^\+/, ''));
      return (labels) => {
        const text = Object.hasOwn(labels, key) ? String(labels[key]) : '';
        if (!isWhole(text)) return false;
        const value = BigInt(text.replace(/^\+/, ''));
        return operator === '>' ? value > bound : value < bound;
      };
    }
    default:
      return has;
  }
}

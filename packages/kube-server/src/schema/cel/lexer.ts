/** From the text of an expression to its tokens. */
import type { Literal } from './ast.ts';
import type { Issue } from './issues.ts';

export interface Token {
  readonly type: 'ident' | 'literal' | 'symbol' | 'end';
  /** As written. */
  readonly text: string;
  readonly at: number;
  readonly value?: Literal;
}

const SYMBOLS = ['==', '!=', '<=', '>=', '&&', '||', ...Array.from('<>+-*/%!?:.,()[]{}')];
const MAX_INT = 2n ** 63n - 1n;
const MAX_UINT = 2n ** 64n - 1n;

const escapes: Readonly<Record<string, string>> = {
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  '\\': '\\',
  "'": "'",
  '"': '"',
  '`': '`',
  '?': '?',
};

type Piece = { readonly char: string } | { readonly byte: number };

/** One escape sequence after its backslash; undefined where it is none. */
function readEscape(text: string, isBytes: boolean): { readonly piece: Piece; readonly length: number } | undefined {
  const simple = escapes[text[0] ?? ''];
  if (simple !== undefined) return { piece: { char: simple }, length: 1 };
  const match = /^(?:[xX]([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-3][0-7]{2}))/.exec(text);
  if (!match) return undefined;
  const [whole, hex, short, long, octal] = match;
  const code = octal === undefined ? Number.parseInt(hex ?? short ?? long ?? '', 16) : Number.parseInt(octal, 8);
  const isByte = hex !== undefined || octal !== undefined;
  if (isBytes && isByte) return { piece: { byte: code }, length: whole.length };
  if (isBytes || code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) return undefined;
  return { piece: { char: String.fromCodePoint(code) }, length: whole.length };
}

function unquote(body: string, isRaw: boolean, isBytes: boolean): string | Uint8Array | undefined {
  const pieces: Piece[] = [];
  for (let i = 0; i < body.length; ) {
    const char = String.fromCodePoint(body.codePointAt(i) ?? 0);
    if (char !== '\\' || isRaw) {
      pieces.push({ char });
      i += char.length;
      continue;
    }
    const found = readEscape(body.slice(i + 1), isBytes);
    if (!found) return undefined;
    pieces.push(found.piece);
    i += 1 + found.length;
  }
  if (!isBytes) return pieces.map((piece) => ('char' in piece ? piece.char : '')).join('');
  return Uint8Array.from(pieces.flatMap((piece) => ('byte' in piece ? [piece.byte] : [...Buffer.from(piece.char)])));
}

const number = /^(?:0x[0-9a-fA-F]+[uU]?|\d+\.\d+(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?|\d+[eE][+-]?\d+|\d+[uU]?)/;
const string =
  /^(?:([rR]?[bB]?|[bB][rR])("""[\s\S]*?"""|'''[\s\S]*?'''|"(?:\\[^\n\r]|[^"\\\n\r])*"|'(?:\\[^\n\r]|[^'\\\n\r])*'))/;
const rawString = /^(?:[bB]?[rR]|[rR][bB])("""[\s\S]*?"""|'''[\s\S]*?'''|"[^"\n\r]*"|'[^'\n\r]*')/;

function readNumber(text: string): Literal | undefined {
  if (/^0x/i.test(text) ? /u$/i.test(text) : /^\d+u$/i.test(text)) {
    const value = BigInt(text.slice(0, -1));
    return value <= MAX_UINT ? { tag: 'uint', value } : undefined;
  }
  if (/^(?:0x[0-9a-f]+|\d+)$/i.test(text)) {
    const value = BigInt(text);
    return value <= MAX_INT + 1n ? value : undefined; // its minus sign comes separately
  }
  const value = Number(text);
  return Number.isFinite(value) ? value : undefined;
}

function readString(source: string): { readonly text: string; readonly value: Literal | undefined } | undefined {
  const match = rawString.exec(source) ?? string.exec(source);
  if (!match) return undefined;
  const text = match[0];
  const start = text.search(/["']/);
  const prefix = text.slice(0, start).toLowerCase();
  const quote = /^(?:"""|''')/.test(text.slice(start)) ? 3 : 1;
  const body = text.slice(start + quote, text.length - quote).replace(/\r\n?/g, '\n');
  const value = unquote(body, prefix.includes('r'), prefix.includes('b'));
  return { text, value: value instanceof Uint8Array ? { tag: 'bytes', bytes: value } : value };
}

/** The tokens of a text, the last one of type `end`; what is no token is told in `issues`. */
export function tokenize(source: string): { readonly tokens: readonly Token[]; readonly issues: readonly Issue[] } {
  const tokens: Token[] = [];
  const issues: Issue[] = [];
  let at = 0;
  let rest = source;
  const advance = (text: string): void => {
    at += Array.from(text).length;
    rest = rest.slice(text.length);
  };
  while (rest !== '') {
    const space = /^(?:[\t\n\f\r ]+|\/\/[^\n]*)+/.exec(rest)?.[0];
    if (space !== undefined) {
      advance(space);
      continue;
    }
    const quoted = readString(rest);
    const digits = number.exec(rest)?.[0];
    const word = /^[A-Za-z_][A-Za-z0-9_]*/.exec(rest)?.[0];
    const symbol = SYMBOLS.find((each) => rest.startsWith(each));
    if (quoted) {
      if (quoted.value === undefined) issues.push({ at, message: 'unable to unescape string' });
      tokens.push({ type: 'literal', text: quoted.text, at, value: quoted.value ?? '' });
      advance(quoted.text);
    } else if (digits !== undefined && (digits[0] !== '.' || tokens.at(-1)?.type !== 'ident')) {
      const value = readNumber(digits);
      const type = /u$/i.test(digits) ? 'uint' : /[.eE]/.test(digits) && !/^0x/i.test(digits) ? 'double' : 'int';
      if (value === undefined) issues.push({ at, message: `invalid ${type} literal` });
      tokens.push({ type: 'literal', text: digits, at, value: value ?? 0n });
      advance(digits);
    } else if (word !== undefined) {
      if (word === 'true' || word === 'false') tokens.push({ type: 'literal', text: word, at, value: word === 'true' });
      else if (word === 'null') tokens.push({ type: 'literal', text: word, at, value: null });
      else tokens.push({ type: word === 'in' ? 'symbol' : 'ident', text: word, at });
      advance(word);
    } else if (symbol !== undefined) {
      tokens.push({ type: 'symbol', text: symbol, at });
      advance(symbol);
    } else {
      const char = Array.from(rest)[0] ?? '';
      issues.push({ at, message: `Syntax error: token recognition error at: '${char}'` });
      advance(char);
    }
  }
  tokens.push({ type: 'end', text: '<EOF>', at });
  return { tokens, issues };
}

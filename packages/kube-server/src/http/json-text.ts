/**
 * Texts in JSON as a careful reader takes them.
 *
 * - J1 What is nested deeper than our own functions could follow is refused before anything follows it.
 * - J2 Numbers that are too large to be any are refused, where JavaScript would make infinity of them.
 * - J3 Halves of surrogate pairs become the replacement character, as everything does that is no Unicode.
 */
import { isObject, type JsonObject, setOwn } from '../json.ts';
import { errors } from './status.ts';

/** Kubernetes follows ten thousand levels; no object has more than some dozen. */
export const MAX_DEPTH = 1_500;

/** Throws 400. */
export function parseText(text: string): unknown {
  checkDepth(text);
  const value: unknown = JSON.parse(text);
  const mends = /\\u[dD][89a-fA-F]/.test(text);
  const judges = /\d[eE]\+?\d{3}|\d{300}/.test(text);
  return mends || judges ? mended(value) : value;
}

/** J1. Throws 400. */
export function checkDepth(text: string): void {
  if (text.length < 2 * MAX_DEPTH) return;
  let depth = 0;
  for (let i = 0; i < text.length; i++) {
    switch (text.charCodeAt(i)) {
      case 0x22: // "
        i = stringEnd(text, i);
        break;
      case 0x5b: // [
      case 0x7b: // {
        if (++depth > MAX_DEPTH) throw errors.badRequest(`the body is nested deeper than ${MAX_DEPTH} levels`);
        break;
      case 0x5d: // ]
      case 0x7d: // }
        depth--;
        break;
      default:
    }
  }
}

function stringEnd(text: string, start: number): number {
  for (let i = start + 1; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === 0x5c) i++;
    else if (code === 0x22) return i;
  }
  return text.length;
}

function mended(value: unknown): unknown {
  if (typeof value === 'string') return wellFormed(value);
  if (typeof value === 'number' && !Number.isFinite(value)) throw errors.badRequest('a number is out of range');
  if (Array.isArray(value)) return value.map(mended);
  if (!isObject(value)) return value;
  const copy: JsonObject = {};
  for (const key of Object.keys(value)) setOwn(copy, wellFormed(key), mended(value[key]));
  return copy;
}

const wellFormed = (text: string): string => Buffer.from(text, 'utf8').toString('utf8');

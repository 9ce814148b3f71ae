import { isObject, type JsonObject, setOwn } from '../json.ts';

/**
 * A valid JSON text in which a field may stand twice, read as a Go program fills its types from it: objects of the same
 * name are merged, of everything else the last one counts.
 */
export function parseMerged(text: string): unknown {
  return read(text, { at: 0 }, undefined);
}

interface Place {
  at: number;
}

function read(text: string, place: Place, before: unknown): unknown {
  skipBlanks(text, place);
  if (text[place.at] === '{') return readObject(text, place, isObject(before) ? before : {});
  if (text[place.at] === '[') return readList(text, place);
  const start = place.at;
  if (text[start] === '"') return readText(text, place);
  while (place.at < text.length && !/[\s,\]}]/.test(text[place.at] ?? '')) place.at++;
  return JSON.parse(text.slice(start, place.at)) as unknown;
}

function readObject(text: string, place: Place, target: JsonObject): JsonObject {
  place.at++; // {
  for (;;) {
    skipBlanks(text, place);
    if (text[place.at] === '}') break;
    const name = readText(text, place);
    skipBlanks(text, place);
    place.at++; // :
    setOwn(target, name, read(text, place, Object.hasOwn(target, name) ? target[name] : undefined));
    skipBlanks(text, place);
    if (text[place.at] === ',') place.at++;
  }
  place.at++;
  return target;
}

function readList(text: string, place: Place): readonly unknown[] {
  const list: unknown[] = [];
  place.at++; // [
  for (;;) {
    skipBlanks(text, place);
    if (text[place.at] === ']') break;
    list.push(read(text, place, undefined));
    skipBlanks(text, place);
    if (text[place.at] === ',') place.at++;
  }
  place.at++;
  return list;
}

function readText(text: string, place: Place): string {
  const start = place.at;
  for (place.at++; text[place.at] !== '"'; place.at++) if (text[place.at] === '\\') place.at++;
  place.at++;
  return JSON.parse(text.slice(start, place.at)) as string;
}

function skipBlanks(text: string, place: Place): void {
  while (/\s/.test(text[place.at] ?? '')) place.at++;
}

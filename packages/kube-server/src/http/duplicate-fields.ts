/**
 * Finds fields that a JSON text names twice; `JSON.parse` keeps the last one and says nothing. The text must be valid.
 */
interface Frame {
  /** Keys seen, for an object; undefined for a list. */
  readonly keys: Set<string> | undefined;
  /** The current key or index. */
  at: string | number;
}

export function duplicateFields(text: string): readonly string[] {
  const found: string[] = [];
  const stack: Frame[] = [];
  let expectKey = false;
  for (let i = 0; i < text.length; i++) {
    const frame = stack[stack.length - 1];
    switch (text.charCodeAt(i)) {
      case 0x22: {
        const end = stringEnd(text, i);
        if (expectKey && frame?.keys) {
          const raw = text.slice(i + 1, end);
          const key = raw.includes('\\') ? (JSON.parse(`"${raw}"`) as string) : raw;
          frame.at = key;
          if (frame.keys.has(key)) found.push(pathOf(stack));
          frame.keys.add(key);
          expectKey = false;
        }
        i = end;
        break;
      }
      case 0x7b: // {
        stack.push({ keys: new Set(), at: '' });
        expectKey = true;
        break;
      case 0x5b: // [
        stack.push({ keys: undefined, at: 0 });
        expectKey = false;
        break;
      case 0x7d: // }
      case 0x5d: // ]
        stack.pop();
        expectKey = false;
        break;
      case 0x2c: // ,
        if (frame?.keys) expectKey = true;
        else if (frame) frame.at = Number(frame.at) + 1;
        break;
      default:
    }
  }
  return found;
}

function stringEnd(text: string, start: number): number {
  let end = text.indexOf('"', start + 1);
  for (;;) {
    let slashes = 0;
    while (text.charCodeAt(end - 1 - slashes) === 0x5c) slashes++;
    if (slashes % 2 === 0) return end;
    end = text.indexOf('"', end + 1);
  }
}

function pathOf(stack: readonly Frame[]): string {
  let path = '';
  for (const { at } of stack) {
    if (typeof at === 'number') path += `[${at}]`;
    else path += path === '' ? at : `.${at}`;
  }
  return path;
}

/** Where a walk through an object is; turned into text only when something is wrong there. */
export type FieldPath = (string | number)[];

/** `spec.containers[0].name`. */
export function pathText(path: readonly (string | number)[]): string {
  let text = '';
  for (const part of path) {
    if (typeof part === 'number') text += `[${part}]`;
    else text += text === '' ? part : `.${part}`;
  }
  return text;
}

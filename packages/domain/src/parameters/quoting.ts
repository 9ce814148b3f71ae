/** String values lie in single quotes in the parameter ConfigMaps (the original's form); people write them without. */

/** The bare value: outer quotes are taken off and doubled ones inside undone. */
export function unquote(value: string): string {
  return value.length >= 2 && value.startsWith("'") && value.endsWith("'")
    ? value.slice(1, -1).replaceAll("''", "'")
    : value;
}

/** The value in quotes. */
export const quote = (value: string): string => `'${value.replaceAll("'", "''")}'`;

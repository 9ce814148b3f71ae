/**
 * The JSON of stored objects as lists show them, made once for as long as an object stays as it is: most lists show
 * objects that earlier ones have shown.
 *
 * - T1 No more than `maxLength` characters are kept; what is beyond that is made anew. Texts of objects that are gone go
 *   with them.
 */
export interface ItemTexts {
  /** `make` is called where the text of this very object is not known. */
  of(object: object, make: () => string): string;
}

export function createItemTexts(maxLength = 32 * 1024 * 1024): ItemTexts {
  let texts = new WeakMap<object, string>();
  /** An upper bound: objects that went are not subtracted. */
  let length = 0;
  return {
    of: (object, make) => {
      const known = texts.get(object);
      if (known !== undefined) return known;
      const text = make();
      if (text.length > maxLength) return text;
      if (length + text.length > maxLength) {
        texts = new WeakMap();
        length = 0;
      }
      texts.set(object, text);
      length += text.length;
      return text;
    },
  };
}

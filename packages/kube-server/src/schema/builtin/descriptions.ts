/** What `kubectl explain` says of built-in kinds and of the fields that people ask about. Keys: `Type` or `Type.field`. */
export const descriptions: Readonly<Record<string, string>> = {
  ObjectMeta: 'What every object carries beside its own content: identity, labels, ownership and versions.',
};

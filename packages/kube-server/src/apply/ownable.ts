import { type FieldSet, fieldElement, isEmptySet, SELF } from './field-set.ts';

/** What the server writes into the metadata of every object: nobody's field. */
const SERVER_OWNED = new Set(
  ['name', 'namespace', 'creationTimestamp', 'selfLink', 'uid', 'generation', 'managedFields', 'resourceVersion'].map(
    fieldElement,
  ),
);
const TYPE = new Set([fieldElement('apiVersion'), fieldElement('kind')]);
const METADATA = fieldElement('metadata');
const STATUS = fieldElement('status');

function only(set: FieldSet, keeps: (element: string) => boolean): FieldSet {
  for (const element in set) {
    if (!keeps(element)) return Object.fromEntries(Object.entries(set).filter(([name]) => keeps(name)));
  }
  return set;
}

/** What can be owned through the main resource; the status cannot where it has a way of its own. */
export function ownableOfMain(hasStatus: boolean): (set: FieldSet) => FieldSet {
  return (set) => {
    const top = only(set, (element) => !TYPE.has(element) && !(hasStatus && element === STATUS));
    const metadata = top[METADATA];
    if (metadata === undefined) return top;
    const { [METADATA]: _metadata, ...rest } = top;
    const kept = only(metadata, (element) => element !== SELF && !SERVER_OWNED.has(element));
    return isEmptySet(kept) ? rest : { ...rest, [METADATA]: kept };
  };
}

export const ownableOfStatus = (set: FieldSet): FieldSet => only(set, (element) => element === STATUS);

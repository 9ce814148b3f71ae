import type { Clock, Logger } from '@polarstack/base';
import type { Admission } from '../admission/request.ts';
import type { FieldTracker } from '../apply/field-tracker.ts';
import type { ItemTexts } from '../http/item-texts.ts';
import type { Registry } from '../registry/registry.ts';
import type { TypeSource } from '../schema/dsl.ts';
import type { ObjectStore } from '../store/object-store.ts';
import type { ListSnapshots } from './snapshots.ts';

/** What every operation works with. */
export interface Environment {
  readonly store: ObjectStore;
  readonly registry: Registry;
  readonly types: TypeSource;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly snapshots: ListSnapshots;
  readonly itemTexts: ItemTexts;
  /** Asked about every write, inside its transaction. */
  readonly admission: Admission;
  readonly fields: FieldTracker;
}

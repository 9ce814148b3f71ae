import { GROUP, VERSION } from './names.ts';
import type { ObjectMeta } from './object.ts';
import type { MPDCluster, MPDLocalVolume, MPDOperation, MPDVolume } from './types.ts';

/** Where a kind lives in the API; structurally the `Resource` of the Kubernetes client. */
interface ResourceOf<T extends { readonly metadata?: ObjectMeta }> {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly plural: string;
  readonly namespaced: boolean;
  /** Never set: carries the type. */
  readonly _type?: T;
}

const resource = <T extends { readonly metadata?: ObjectMeta }>(
  kind: string,
  plural: string,
  namespaced = true,
): ResourceOf<T> => ({ group: GROUP, version: VERSION, kind, plural, namespaced });

export const MPDClusters = resource<MPDCluster>('MPDCluster', 'mpdclusters');
export const MPDOperations = resource<MPDOperation>('MPDOperation', 'mpdoperations');
export const MPDVolumes = resource<MPDVolume>('MPDVolume', 'mpdvolumes', false);
export const MPDLocalVolumes = resource<MPDLocalVolume>('MPDLocalVolume', 'mpdlocalvolumes');

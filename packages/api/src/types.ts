import type { z } from 'zod';
import type { CustomObject, Immutable } from './object.ts';
import type { mpdClusterSpec } from './schema/mpd-cluster-spec.ts';
import type { mpdClusterStatus } from './schema/mpd-cluster-status.ts';
import type { mpdLocalVolumeSpec, mpdLocalVolumeStatus } from './schema/mpd-local-volume.ts';
import type { mpdOperationSpec, mpdOperationStatus } from './schema/mpd-operation.ts';
import type { mpdVolumeSpec, mpdVolumeStatus } from './schema/mpd-volume.ts';

/** Types of what is stored: the schema's defaults are filled in. `...Input` is what a user may write. */
export type MPDClusterSpec = Immutable<z.output<typeof mpdClusterSpec>>;
export type MPDClusterStatus = Immutable<z.output<typeof mpdClusterStatus>>;
export type MPDCluster = CustomObject<'MPDCluster', MPDClusterSpec, MPDClusterStatus>;
export type MPDClusterSpecInput = Immutable<z.input<typeof mpdClusterSpec>>;
export type MPDClusterInput = CustomObject<'MPDCluster', MPDClusterSpecInput, MPDClusterStatus>;

/** One entry of `status.dbInstanceStatus`. */
export type InstanceStatus = NonNullable<MPDClusterStatus['dbInstanceStatus']>[string];
export type Endpoints = NonNullable<MPDClusterStatus['endpoints']>;
export type Condition = NonNullable<MPDClusterStatus['conditions']>[number];

export type MPDOperationSpec = Immutable<z.output<typeof mpdOperationSpec>>;
export type MPDOperationStatus = Immutable<z.output<typeof mpdOperationStatus>>;
export type MPDOperation = CustomObject<'MPDOperation', MPDOperationSpec, MPDOperationStatus>;
export type MPDOperationSpecInput = Immutable<z.input<typeof mpdOperationSpec>>;
export type MPDOperationInput = CustomObject<'MPDOperation', MPDOperationSpecInput, MPDOperationStatus>;
export type OperationPhase = NonNullable<MPDOperationStatus['phase']>;
export type OperationStep = NonNullable<MPDOperationStatus['steps']>[number];

export type MPDVolumeSpec = Immutable<z.output<typeof mpdVolumeSpec>>;
export type MPDVolumeStatus = Immutable<z.output<typeof mpdVolumeStatus>>;
export type MPDVolume = CustomObject<'MPDVolume', MPDVolumeSpec, MPDVolumeStatus>;

export type MPDLocalVolumeSpec = Immutable<z.output<typeof mpdLocalVolumeSpec>>;
export type MPDLocalVolumeStatus = Immutable<z.output<typeof mpdLocalVolumeStatus>>;
export type MPDLocalVolume = CustomObject<'MPDLocalVolume', MPDLocalVolumeSpec, MPDLocalVolumeStatus>;

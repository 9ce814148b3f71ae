import type { z } from 'zod';
import { GROUP, VERSION } from '../names.ts';
import { MPDClusters, MPDLocalVolumes, MPDOperations, MPDVolumes } from '../resources.ts';
import type { Rule } from '../schema/fields.ts';
import { mpdClusterSpec } from '../schema/mpd-cluster-spec.ts';
import { mpdClusterStatus } from '../schema/mpd-cluster-status.ts';
import { mpdLocalVolumeSpec, mpdLocalVolumeStatus } from '../schema/mpd-local-volume.ts';
import { mpdOperationSpec, mpdOperationStatus } from '../schema/mpd-operation.ts';
import { mpdVolumeSpec, mpdVolumeStatus } from '../schema/mpd-volume.ts';
import { type CrdSchema, structuralSchema } from './structural.ts';

interface PrinterColumn {
  readonly name: string;
  readonly type: 'string' | 'integer' | 'date';
  readonly jsonPath: string;
  readonly description?: string;
  /** 0 (default): always shown; 1: with `-o wide`. */
  readonly priority?: number;
}

interface KindDefinition {
  readonly resource: { readonly kind: string; readonly plural: string; readonly namespaced: boolean };
  readonly description: string;
  readonly shortNames: readonly string[];
  readonly spec: z.ZodType;
  readonly status: z.ZodType;
  readonly rules?: readonly Rule[];
  readonly columns: readonly PrinterColumn[];
  readonly scale?: { readonly spec: string; readonly status: string; readonly selector: string };
}

/** A CustomResourceDefinition of apiextensions.k8s.io/v1. */
export interface CustomResourceDefinition {
  readonly apiVersion: 'apiextensions.k8s.io/v1';
  readonly kind: 'CustomResourceDefinition';
  readonly metadata: { readonly name: string };
  readonly spec: {
    readonly group: string;
    readonly scope: 'Namespaced' | 'Cluster';
    readonly names: {
      readonly kind: string;
      readonly listKind: string;
      readonly plural: string;
      readonly singular: string;
      readonly shortNames: readonly string[];
      readonly categories: readonly string[];
    };
    readonly versions: readonly {
      readonly name: string;
      readonly served: boolean;
      readonly storage: boolean;
      readonly schema: { readonly openAPIV3Schema: CrdSchema };
      readonly subresources: { readonly status: object; readonly scale?: object };
      readonly additionalPrinterColumns: readonly PrinterColumn[];
    }[];
  };
}

const condition = (type: string, what: 'status' | 'reason' = 'status') =>
  `.status.conditions[?(@.type=="${type}")].${what}`;

const age: PrinterColumn = { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' };

/** Names become parts of pod, service and certificate names, which end at 63. */
const clusterName: Rule = {
  rule: "size(self.metadata.name) <= 40 && self.metadata.name.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$')",
  message:
    'metadata.name must be at most 40 characters: lower case letters, digits and "-", beginning with a letter and not ending with "-"',
};

const kinds: readonly KindDefinition[] = [
  {
    resource: MPDClusters,
    description: 'A database cluster: one RW instance, RO instances beside it, and how to reach them.',
    shortNames: ['mpd'],
    spec: mpdClusterSpec,
    status: mpdClusterStatus,
    rules: [clusterName],
    scale: { spec: '.spec.followerNum', status: '.status.followerNum', selector: '.status.selector' },
    columns: [
      { name: 'Status', type: 'string', jsonPath: '.status.clusterStatus' },
      { name: 'Ready', type: 'string', jsonPath: condition('Ready') },
      { name: 'Engine', type: 'string', jsonPath: '.status.engine.type' },
      { name: 'Version', type: 'string', jsonPath: '.status.engine.version' },
      { name: 'Class', type: 'string', jsonPath: '.spec.classInfo.className' },
      { name: 'RW', type: 'string', jsonPath: '.status.leaderInstanceId', description: 'Id of the RW instance.' },
      { name: 'ROs', type: 'integer', jsonPath: '.status.followerNum' },
      { name: 'Instances', type: 'string', jsonPath: '.status.instances', description: 'Ready of all.' },
      age,
      { name: 'Accepted', type: 'string', jsonPath: condition('Accepted', 'reason'), priority: 1 },
      { name: 'Host', type: 'string', jsonPath: '.status.endpoints.rw.host', priority: 1 },
      { name: 'Port', type: 'integer', jsonPath: '.status.endpoints.rw.port', priority: 1 },
      { name: 'Node', type: 'string', jsonPath: '.status.leaderInstanceHost', priority: 1 },
    ],
  },
  {
    resource: MPDOperations,
    description: 'One change of a cluster: what is to be done, why, how far it is; its history when it is done.',
    shortNames: ['mpdop'],
    spec: mpdOperationSpec,
    status: mpdOperationStatus,
    columns: [
      { name: 'Cluster', type: 'string', jsonPath: '.spec.cluster' },
      { name: 'Type', type: 'string', jsonPath: '.spec.type' },
      { name: 'Phase', type: 'string', jsonPath: '.status.phase' },
      { name: 'Step', type: 'string', jsonPath: '.status.currentStep' },
      age,
      { name: 'Message', type: 'string', jsonPath: '.status.message', priority: 1 },
    ],
  },
  {
    resource: MPDVolumes,
    description: 'A volume that the storage controller found.',
    shortNames: ['mpdvol'],
    spec: mpdVolumeSpec,
    status: mpdVolumeStatus,
    columns: [
      { name: 'Volume', type: 'string', jsonPath: '.spec.volumeId' },
      { name: 'Type', type: 'string', jsonPath: '.spec.type' },
      { name: 'Size', type: 'string', jsonPath: '.status.size' },
      { name: 'Phase', type: 'string', jsonPath: '.status.phase' },
      { name: 'Writer', type: 'string', jsonPath: '.status.holder.node' },
      { name: 'Used by', type: 'string', jsonPath: '.status.usedBy.cluster' },
      age,
    ],
  },
  {
    resource: MPDLocalVolumes,
    description: 'Local volumes for a cluster, as the original declares them.',
    shortNames: ['mv'],
    spec: mpdLocalVolumeSpec,
    status: mpdLocalVolumeStatus,
    columns: [
      { name: 'lvnum', type: 'integer', jsonPath: '.spec.lvNum' },
      { name: 'current lvnum', type: 'integer', jsonPath: '.status.validLVNum' },
      { name: 'pvcready', type: 'string', jsonPath: '.status.pvcReady' },
      { ...age, name: 'age' },
    ],
  },
];

function definition(kind: KindDefinition): CustomResourceDefinition {
  const { resource, scale } = kind;
  const schema = {
    description: kind.description,
    type: 'object',
    required: ['spec'],
    properties: {
      apiVersion: { type: 'string', description: 'Version of the form of this object.' },
      kind: { type: 'string', description: 'Kind of this object.' },
      metadata: { type: 'object' },
      spec: structuralSchema(kind.spec),
      status: structuralSchema(kind.status),
    },
    ...(kind.rules && { 'x-kubernetes-validations': kind.rules }),
  };
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${resource.plural}.${GROUP}` },
    spec: {
      group: GROUP,
      scope: resource.namespaced ? 'Namespaced' : 'Cluster',
      names: {
        kind: resource.kind,
        listKind: `${resource.kind}List`,
        plural: resource.plural,
        singular: resource.kind.toLowerCase(),
        shortNames: kind.shortNames,
        // Not `mpd`, as the original's volume has it: kubectl reads a category before a short name, and `kubectl get mpd x`
        // would ask for every kind of the group.
        categories: ['all'],
      },
      versions: [
        {
          name: VERSION,
          served: true,
          storage: true,
          schema: { openAPIV3Schema: schema },
          subresources: {
            status: {},
            ...(scale && {
              scale: {
                specReplicasPath: scale.spec,
                statusReplicasPath: scale.status,
                labelSelectorPath: scale.selector,
              },
            }),
          },
          additionalPrinterColumns: kind.columns,
        },
      ],
    },
  };
}

/** The CRDs of the project, made from the schemas; `deploy/crds` holds the same as YAML. */
export function buildCrds(): readonly CustomResourceDefinition[] {
  return kinds.map(definition);
}

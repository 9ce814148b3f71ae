import { z } from 'zod';
import { conditions, count, flag, moment, optional, quantity, text } from './fields.ts';

const node = z.object({
  name: z.string().describe('Name of the node.'),
  devices: optional(z.array(z.string()), 'Paths of the volume on that node.'),
  healthyPaths: count('How many of the paths work.'),
});

export const mpdVolumeSpec = z
  .object({
    volumeId: z.string().min(1).max(253).describe('Id (WWID) of the volume; what shareStore.volumeId asks for.'),
    type: z.enum(['multipath', 'lun', 'lvm', 'directory']).describe('Kind of the volume.'),
    description: text('Free text.'),
  })
  .describe('Which volume it is.');

export const mpdVolumeStatus = z
  .object({
    size: quantity('Size of the volume.').exactOptional(),
    vendor: text('Who made it.'),
    product: text('What it is called.'),
    serial: text('Its serial number.'),
    fileSystem: text('The file system on it, if any.'),
    nodes: optional(
      z.array(node).meta({ 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['name'] }),
      'The nodes that see it.',
    ),
    reservations: flag('Whether it supports persistent reservations.'),
    holder: optional(
      z.object({
        node: text('The node that may write.'),
        key: text('Its reservation key.'),
        since: moment('Since when.'),
      }),
      'Who may write to it.',
    ),
    usedBy: optional(
      z.object({
        namespace: text('Namespace of the cluster.'),
        cluster: text('Name of the cluster.'),
        pvc: text('The PVC bound to it.'),
      }),
      'The cluster that uses it.',
    ),
    phase: text('Available, Bound, Formatting, Expanding or Failed.'),
    observedAt: moment('When it was last seen.'),
    conditions: conditions('Available: it can be used.'),
  })
  .describe('What the storage controller sees.');

import { z } from 'zod';
import { conditions, count, flag, optional, text, time, word } from './fields.ts';

const lvResource = z.object({
  lvId: text('Id of the logical volume.'),
  nodeName: text('Its node.'),
  lvPath: text('Its path on that node.'),
});

const errorInfo = z.object({
  lastErrorTime: time('When it went wrong.'),
  lastErrorMsg: text('What went wrong.'),
  errorCode: text('Code of the error.'),
});

const lvStatus = lvResource.extend({
  lvName: text('Name of the logical volume.'),
  lvUUID: text('Its UUID.'),
  vgName: text('Name of the volume group.'),
  vgUUID: text('UUID of the volume group.'),
  lvSizeMB: count('Its size in megabytes.'),
  fileSystem: text('File system on it.'),
  lvStatus: text('Its state.'),
  lvSectors: count('Its size in sectors.'),
  errorInfo: optional(errorInfo, 'The last error.'),
});

const pvcInfo = z.object({
  namespace: text('Namespace of the PVC.'),
  name: text('Name of the PVC.'),
  errorInfo: optional(errorInfo, 'The last error.'),
});

/** Source of every name (also the odd ones, `Description` and `LvSizeMB`): the original's type. */
export const mpdLocalVolumeSpec = z
  .object({
    driver: text('Who makes the volumes, e.g. lvm.'),
    mpdVolumeMode: word(
      ['custom', 'automatic', 'mixed'],
      'custom: an administrator made the volumes. automatic: the stack makes them. mixed: both.',
    ),
    lvNum: count('How many volumes.'),
    lvResources: optional(z.array(lvResource), 'The volumes made beforehand (custom, mixed).'),
    lvExpectedSizeMB: count('Size of each volume in megabytes (automatic, mixed).'),
    lvExpectedExpandToSizeMB: count('Size to expand to, in megabytes (automatic, mixed).'),
    createPVC: flag('Reserved.'),
    formatFileSystem: word(['ext4', 'pfs', 'xfs'], 'File system to make; empty: none.'),
    Description: text('Free text.'),
  })
  .describe('The volumes that are wanted.');

export const mpdLocalVolumeStatus = z
  .object({
    LvSizeMB: count('Size of the smallest volume, in megabytes.'),
    lvNum: count('How many volumes are wanted.'),
    validLVNum: count('How many volumes can be used.'),
    pvcNumber: count('How many PVCs are wanted.'),
    pvcReadyNum: flag('Whether the PVCs are ready (a flag in the original, for all its name).'),
    pvcReady: flag('Whether the PVCs are ready.'),
    lvStatus: optional(z.record(z.string(), lvStatus), 'The volumes, by id.'),
    formatFileSystem: text('File system that was made.'),
    pvcInfo: optional(z.record(z.string(), pvcInfo), 'The PVCs, by id of the volume.'),
    conditions: conditions('LVReady, LVSizeReady, VGReady, PVCReady, FormatReady.'),
  })
  .describe('The volumes that were found.');

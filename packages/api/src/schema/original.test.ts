import { describe, expect, it } from 'vitest';
import { mpdClusterSpec } from './mpd-cluster-spec.ts';
import { mpdClusterStatus } from './mpd-cluster-status.ts';
import { mpdLocalVolumeSpec, mpdLocalVolumeStatus } from './mpd-local-volume.ts';

/** Every field that the original's types have, each with a value of its type. Source: facts §1. */
const versionInfo = {
  versionName: 'image-open',
  engineImage: 'e',
  managerImage: 'm',
  clusterManagerImage: 'c',
  pfsdImage: 'p',
  pfsdToolImage: 't',
  otherImages: { proxy: 'x' },
};
const classInfo = { className: 'polar.o.x4.medium', cpu: '2000m', memory: '17Gi', iops: '16000' };
const floatingIP = {
  ipAddressCfgType: 'manual',
  ipAddress: '192.0.2.1',
  mask: 24,
  gateWay: '192.0.2.254',
  basedNetIf: 'bond1',
  ipMode: 'VirtualIF',
};
const netInfo = {
  netType: 'host',
  workingPort: 5700,
  workingHostIP: '192.0.2.2',
  enableWorkingAdminIP: true,
  workingAdminIP: '192.0.2.3',
};
const state = { reason: 'r', state: 'RUNNING', errorInfo: 'x', startAt: '2024-01-01T00:00:00Z', finishAt: null };

const spec = {
  operatorName: 'polar-mpd',
  dbClusterType: 'share',
  dbType: 'polar-o',
  description: 'd',
  followerNum: 1,
  classInfo,
  classInfoModifyTo: { className: '' },
  resourceAdditional: {
    pfsd: { cpu_cores: '500m', limit_memory: '1Gi', config: '-w 8' },
    engine: { cpu_cores: 1, limit_memory: 1024, config: '' },
  },
  localVolName: 'v',
  shareStore: {
    drive: 'pvc',
    sharePvcName: 'pvc-1',
    sharePvcNamespace: 'default',
    volumeId: '36005',
    volumeType: 'multipath',
    diskQuota: '300000',
    shareVolumeWWID: '36005',
    isVolumeFormat: true,
    volumeFormat: 'pfs',
  },
  dbProxyInfo: { enabled: false, name: '', resourceType: '', consistencyLevel: 0 },
  netCfg: {
    netType: 'host',
    engineStartPort: 5700,
    engineAddress: 'bond1',
    proxyStartPort: 15400,
    proxyNetIF: 'bond1',
    portStep: -1,
    enableEngineAdminIP: true,
    enableProxyAdminIP: false,
    leaderFloatingIP: floatingIP,
  },
  versionCfg: versionInfo,
  versionCfgModifyTo: versionInfo,
};

const status = {
  clusterStatus: 'Running',
  followerNum: 1,
  insClassInfo: classInfo,
  floatingIP,
  localVolName: 'v',
  leaderInstanceId: '1002',
  leaderInstanceHost: 'node-1',
  logicId: '1000',
  dbInstanceStatus: {
    '1002': {
      physicalInsId: '1001',
      insId: '1002',
      insName: '1002',
      podName: 'c-1001-1002',
      podNameSpace: 'default',
      nodeName: 'node-1',
      hostClientIP: '192.0.2.1',
      polarFsHostId: '5',
      installed: true,
      role: 'leader',
      insType: 'rw',
      status: 's',
      versionInfo,
      insClassInfo: { className: '' },
      netInfo,
      currentState: state,
      lastState: state,
    },
  },
  clusterManagerStatus: { workingPort: 37507, deployName: 'c.cm' },
  proxyStatus: { workingPort: 15400, maxScaleName: 'm', maxScaleNameSpace: 'default', workingAddr: [netInfo] },
  conditions: [
    {
      type: 'FollowerReady',
      status: 'True',
      lastProbeTime: null,
      lastTransitionTime: '2024-01-01T00:00:00+08:00',
      reason: 'r',
      message: 'm',
    },
  ],
};

describe('fields of the original', () => {
  it('MPDCluster: all are accepted and none is dropped or changed', () => {
    expect(mpdClusterSpec.parse(spec)).toEqual({ ...spec, deletionProtection: false });
    expect(mpdClusterStatus.parse(status)).toEqual(status);
  });

  it('MPDCluster: its smallest manifest is accepted', () => {
    const smallest = {
      operatorName: 'polar-mpd',
      dbClusterType: 'share',
      followerNum: 1,
      classInfo: { className: 'polar.o.x4.medium' },
      classInfoModifyTo: { className: '' },
      versionCfg: { versionName: 'image-open' },
      netCfg: { engineStartPort: 5700 },
      shareStore: {
        drive: 'pvc',
        sharePvcName: 'p',
        sharePvcNamespace: 'default',
        volumeId: '36005',
        volumeType: 'multipath',
        diskQuota: '300000',
      },
    };
    expect(mpdClusterSpec.parse(smallest)).toEqual({ ...smallest, deletionProtection: false });
  });

  it('MPDLocalVolume: all are accepted and none is dropped', () => {
    const volume = { lvId: 'l', nodeName: 'n', lvPath: '/dev/l' };
    const errorInfo = { lastErrorTime: null, lastErrorMsg: 'm', errorCode: 'c' };
    const wanted = {
      driver: 'lvm',
      mpdVolumeMode: 'mixed',
      lvNum: 3,
      lvResources: [volume],
      lvExpectedSizeMB: 1024,
      lvExpectedExpandToSizeMB: 2048,
      createPVC: true,
      formatFileSystem: 'ext4',
      Description: 'd',
    };
    const found = {
      LvSizeMB: 1024,
      lvNum: 3,
      validLVNum: 3,
      pvcNumber: 3,
      pvcReadyNum: true,
      pvcReady: true,
      lvStatus: {
        l: {
          ...volume,
          lvName: 'l',
          lvUUID: 'u',
          vgName: 'g',
          vgUUID: 'u',
          lvSizeMB: 1024,
          fileSystem: 'ext4',
          lvStatus: 's',
          lvSectors: 8,
          errorInfo,
        },
      },
      formatFileSystem: 'ext4',
      pvcInfo: { l: { namespace: 'default', name: 'p', errorInfo } },
      conditions: [{ type: 'LVReady', status: 'Unknown' }],
    };
    expect(mpdLocalVolumeSpec.parse(wanted)).toEqual(wanted);
    expect(mpdLocalVolumeStatus.parse(found)).toEqual(found);
  });
});

describe('fields of our own', () => {
  const local = { dbClusterType: 'local', followerNum: 2, classInfo: { className: 'local.small' } };

  it('are optional; the smallest local manifest belongs to the default operator', () => {
    expect(mpdClusterSpec.parse(local)).toEqual({ ...local, operatorName: 'polar-mpd', deletionProtection: false });
  });

  it.each([
    [{ engine: { version: 'fifteen' } }],
    [{ engine: { type: 'mysql' } }],
    [{ followerNum: -1 }],
    [{ followerNum: 16 }],
    [{ followerNum: 1.5 }],
    [{ dbClusterType: 'cloud' }],
    [{ netCfg: { engineStartPort: 70_000 } }],
    [{ initdb: { database: 'no-good' } }],
    [{ durability: { mode: 'maybe' } }],
    [{ ha: { profile: 'slow' } }],
    [{ parameters: { work_mem: 8 } }],
    [{ classInfo: { className: '' } }],
  ])('%j is refused', (wrong) => {
    expect(mpdClusterSpec.safeParse({ ...local, ...wrong }).success).toBe(false);
  });

  it('fill in what depends on nothing else', () => {
    const parsed = mpdClusterSpec.parse({ ...local, durability: {}, ha: {}, initdb: {} });
    expect(parsed.durability).toEqual({ mode: 'async', minSync: 1 });
    expect(parsed.ha).toEqual({ profile: 'default', mode: 'auto' });
    expect(parsed.initdb).toEqual({
      encoding: 'UTF8',
      locale: 'C.UTF-8',
      dataChecksums: true,
      database: 'app',
      owner: 'app',
    });
  });
});

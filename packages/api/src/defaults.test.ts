import { describe, expect, it } from 'vitest';
import { engineType, hostPort, initdbDefaults, initdbOptions } from './defaults.ts';
import { mpdClusterSpec } from './schema/mpd-cluster-spec.ts';

describe('what holds where the spec says nothing', () => {
  it('engine: PolarDB on shared storage, PostgreSQL on local storage', () => {
    expect(engineType({ dbClusterType: 'share' })).toBe('polardb');
    expect(engineType({ dbClusterType: 'local' })).toBe('postgres');
    expect(engineType({ dbClusterType: 'local', engine: { type: 'polardb' } })).toBe('polardb');
  });

  it('initdb: the same as the defaults of the schema', () => {
    const filled = mpdClusterSpec.parse({
      dbClusterType: 'local',
      followerNum: 0,
      classInfo: { className: 'c' },
      initdb: {},
    }).initdb;
    expect(initdbOptions({})).toEqual(filled);
    expect(initdbOptions({ initdb: { owner: 'shop' } })).toEqual({ ...initdbDefaults, owner: 'shop' });
  });

  it('port: the network of the pods where none or 0 is given', () => {
    expect(hostPort({})).toBeUndefined();
    expect(hostPort({ netCfg: { engineStartPort: 0 } })).toBeUndefined();
    expect(hostPort({ netCfg: { engineStartPort: 5500 } })).toBe(5500);
  });
});

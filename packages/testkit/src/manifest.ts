/** A small `local` cluster as JSON, ready for `kubectl apply -f -`; `spec` overrides what differs. */
export function clusterManifest(name: string, spec: Readonly<Record<string, unknown>> = {}): string {
  return JSON.stringify({
    apiVersion: 'mpd.polardb.aliyun.com/v1',
    kind: 'MPDCluster',
    metadata: { name, namespace: 'default' },
    spec: {
      dbClusterType: 'local',
      followerNum: 1,
      classInfo: { className: 'local.small' },
      engine: { type: 'postgres' },
      ...spec,
    },
  });
}

import { labels } from '@polarstack/api';
import { expect, test } from 'vitest';
import { withoutBulk } from './content.ts';

const configMap = (name: string) => ({
  metadata: { name, namespace: 'default', resourceVersion: '7', labels: { [labels.cluster]: 'demo', configType: 'x' } },
  data: { key: 'value' },
});

test('copies are kept without the parameters, and with everything else', () => {
  for (const name of ['demo-user-params', 'demo-running-params']) {
    const { data: _, ...kept } = configMap(name);
    expect(withoutBulk(configMap(name))).toEqual(kept);
  }
  for (const name of ['demo-cmconfig', 'demo-ca', 'other-user-params']) {
    expect(withoutBulk(configMap(name))).toEqual(configMap(name));
  }
});

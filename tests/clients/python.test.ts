/** The official Python client sees the same on our API and on a real one. */
import { describe, expect, it } from 'vitest';
import { preparePython } from './prepare.ts';
import { useStage } from './stage.ts';

const prepared = await preparePython();

describe.skipIf(prepared.kind === 'missing')('the Python client', () => {
  const { agree, playOnOurs } = useStage(prepared, 'python');

  it.each(['typed', 'watches', 'custom', 'leader'])('agrees on %s', async (part) => {
    await agree(part);
  });

  it('goes on with its watch after a restart', async () => {
    await agree('restart');
  });

  it('runs commands and reads logs', async () => {
    const seen = {
      said: 'target ran echo hello: \nand complained\n',
      code: 3,
      log: 'first line of target\nsecond line\n',
      port: true,
    };
    expect(await playOnOurs('kubelet')).toEqual([{ step: 'kubelet: kubelet', seen }]);
  });
});

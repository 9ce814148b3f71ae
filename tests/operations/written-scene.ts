/** A cluster under a client that writes through the rw service and connects again whenever it must, while it is operated on. */
import type { TestHome } from '@polarstack/testkit';
import type { Writer } from '../cluster-manager/writer.ts';
import { createMembersScene, type MembersScene, signal } from './members-scene.ts';
import { createReplaceScene, type ReplaceScene } from './replace-scene.ts';

/** How long a test with real servers may take, on a machine that is busy with others. */
export const LIMIT_MS = 500_000;

/** Settings of a home whose operations soon give up what does not answer or stands still. */
export const impatient = {
  POLARSTACK_AGENT_SILENCE_SECONDS: '6',
  POLARSTACK_STANDSTILL_SECONDS: '6',
  POLARSTACK_POD_END_SECONDS: '4',
} as const;

export interface WrittenScene extends Omit<MembersScene, 'writer'>, ReplaceScene {
  /** The client that writes now. */
  readonly writer: Writer;
  /** Every row that was acknowledged until now is on every instance, and nothing is left of what is gone; writes go on. */
  nothingLost(): Promise<void>;
}

export async function createWrittenScene(
  name: string,
  spec: Readonly<Record<string, unknown>>,
  env: Readonly<Record<string, string>> = {},
  prepare?: (home: TestHome) => void | Promise<void>,
): Promise<WrittenScene> {
  const members = await createMembersScene(name, spec, env, prepare);
  let writer = await members.writer();
  return {
    ...members,
    ...createReplaceScene(members),
    get writer() {
      return writer;
    },
    nothingLost: async () => {
      await writer.progress(20, signal);
      const { rows } = await writer.stop();
      await members.whole(rows);
      writer = await members.writer();
    },
    close: async () => {
      await writer.stop();
      await members.close();
    },
  };
}

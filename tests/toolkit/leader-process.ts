/** A process that contends for a Lease and, while it leads, says so in a file that all contenders append to. */
import { appendFileSync } from 'node:fs';
import { createKubeClient, createLeaderElector, electionTimes, loadKubeconfig } from '@polarstack/kube';

const [kubeconfig = '', journal = '', namespace = '', name = ''] = process.argv.slice(2);
const client = createKubeClient(await loadKubeconfig(kubeconfig));
const stop = new AbortController();
process.once('SIGTERM', () => stop.abort());

/** All processes of a machine share this clock. */
const now = (): bigint => process.hrtime.bigint();
const note = (what: string, at: bigint): void => appendFileSync(journal, `${at} ${name} ${what}\n`);

const elector = createLeaderElector({
  client,
  lease: { namespace, name: 'contended' },
  identity: name,
  // Short enough for a test, long enough that a busy machine does not lose its lead all the time.
  times: electionTimes(3),
  signal: stop.signal,
  lead: async (signal) => {
    note('begin', now());
    while (!signal.aborted) {
      // Looked at after the time is taken: a pause in between makes the act earlier, never later than the permission.
      const at = now();
      if (elector.isLeader()) note('act', at);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    note('end', now());
  },
});
await elector.run();
await client.close();

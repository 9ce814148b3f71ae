/** What is measured, each as one round on one server. Times are in milliseconds. */
import { once } from 'node:events';
import type { RawAnswer, RawConnection } from '../lib/raw-client.ts';
import type { Contestant } from './contestants.ts';

/** About what a small resource of ours takes: 1.2 KB as JSON, 1.5 KB with what the server adds. */
const payload = 'x'.repeat(1000);

const configMap = (name: string, data: Readonly<Record<string, string>>): string =>
  JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, labels: { app: 'bench' } }, data });

const maps = (namespace: string): string => `/api/v1/namespaces/${namespace}/configmaps`;

function succeeded({ code, body }: RawAnswer): Buffer {
  if (code < 200 || code > 299) throw new Error(`${code} ${body.toString('utf8').slice(0, 500)}`);
  return body;
}

async function withConnections<T>(
  server: Contestant,
  count: number,
  use: (connections: readonly RawConnection[]) => Promise<T>,
): Promise<T> {
  const connections: RawConnection[] = [];
  try {
    for (let i = 0; i < count; i++) connections.push(await server.connect());
    return await use(connections);
  } finally {
    for (const connection of connections) connection.close();
  }
}

export async function createNamespaces(server: Contestant, names: readonly string[]): Promise<void> {
  await withConnections(server, 1, async ([connection]) => {
    for (const name of names) {
      const body = JSON.stringify({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
      succeeded(await (connection as RawConnection).request('POST', '/api/v1/namespaces', body));
    }
  });
}

/** Makes `count` objects with many clients at once. */
export async function fill(server: Contestant, namespace: string, count: number): Promise<void> {
  let next = 0;
  await withConnections(server, 32, async (connections) => {
    const work = async (connection: RawConnection): Promise<void> => {
      while (next < count) {
        const name = `o-${String(next++).padStart(6, '0')}`;
        succeeded(await connection.request('POST', maps(namespace), configMap(name, { payload })));
      }
    };
    await Promise.all(connections.map(work));
  });
}

export interface Writes {
  readonly perSecond: number;
  readonly latencies: readonly number[];
}

/** Creates objects with so many clients for so long. Every answer says that the object is on the disk. */
export async function writes(server: Contestant, round: string, clients: number, ms: number): Promise<Writes> {
  return await withConnections(server, clients, async (connections) => {
    const latencies: number[] = [];
    const began = performance.now();
    const work = async (connection: RawConnection, client: number): Promise<void> => {
      for (let i = 0; performance.now() - began < ms; i++) {
        const body = configMap(`w-${round}-${client}-${i}`, { payload });
        const sent = performance.now();
        succeeded(await connection.request('POST', maps('writes'), body));
        latencies.push(performance.now() - sent);
      }
    };
    await Promise.all(connections.map(work));
    return { perSecond: (latencies.length * 1000) / (performance.now() - began), latencies };
  });
}

export async function gets(server: Contestant, times: number): Promise<readonly number[]> {
  return await withConnections(server, 1, async ([connection]) => {
    const latencies: number[] = [];
    for (let i = 0; i < times; i++) {
      const path = `${maps('large')}/o-${String((i * 7919) % 10_000).padStart(6, '0')}`;
      const sent = performance.now();
      succeeded(await (connection as RawConnection).request('GET', path));
      latencies.push(performance.now() - sent);
    }
    return latencies;
  });
}

/** Lists all of a namespace, whole or in pages of 500 (what kubectl and informers ask for). */
export async function lists(
  server: Contestant,
  namespace: string,
  expected: number,
  paged: boolean,
  times: number,
): Promise<readonly number[]> {
  return await withConnections(server, 1, async ([connection]) => {
    const latencies: number[] = [];
    for (let i = 0; i < times; i++) {
      const bodies: Buffer[] = [];
      const sent = performance.now();
      let token: string | undefined = '';
      while (token !== undefined) {
        const query: string = paged ? `?limit=500${token === '' ? '' : `&continue=${encodeURIComponent(token)}`}` : '';
        const body = succeeded(await (connection as RawConnection).request('GET', `${maps(namespace)}${query}`));
        bodies.push(body);
        token = paged ? continueOf(body) : undefined;
      }
      latencies.push(performance.now() - sent);
      if (i === 0) checkCount(bodies, expected);
    }
    return latencies;
  });
}

/** Read from the head of the answer: to parse all of it would be what is measured. */
function continueOf(body: Buffer): string | undefined {
  const token = /"continue":"([^"]*)"/.exec(body.subarray(0, 1000).toString('latin1'))?.[1];
  return token === undefined || token === '' ? undefined : token;
}

function checkCount(bodies: readonly Buffer[], expected: number): void {
  const found = bodies.reduce(
    (sum, body) => sum + (JSON.parse(body.toString()) as { items: unknown[] }).items.length,
    0,
  );
  if (found !== expected) throw new Error(`a list of ${expected} objects had ${found}`);
}

/** From the sending of a write to its event at each of so many watchers. */
export async function watches(
  server: Contestant,
  round: string,
  watchers: number,
  events: number,
): Promise<readonly number[]> {
  return await withConnections(server, watchers + 1, async ([writer, ...connections]) => {
    const latencies: number[] = [];
    const name = `watched-${round}`;
    const path = `${maps('watched')}/${name}`;
    succeeded(await (writer as RawConnection).request('POST', maps('watched'), configMap(name, {})));
    let sent = 0;
    let number = 0;
    let left = 0;
    let all = (): void => {};
    const query = `watch=true&fieldSelector=metadata.name%3D${name}`;
    for (const connection of connections) {
      let carry = '';
      await connection.stream(`${maps('watched')}?${query}`, (bytes) => {
        const text = carry + bytes.toString('latin1');
        carry = text.slice(-40);
        if (number === 0 || !text.includes(`"event-${number}-of-${round}"`)) return;
        carry = '';
        latencies.push(performance.now() - sent);
        if (--left === 0) all();
      });
    }
    for (let i = 1; i <= events; i++) {
      const seen = new Promise<void>((resolve) => {
        all = resolve;
      });
      left = watchers;
      number = i;
      const body = configMap(name, { payload, seq: `event-${i}-of-${round}` });
      sent = performance.now();
      const answered = (writer as RawConnection).request('PUT', path, body);
      const late = AbortSignal.timeout(20_000);
      await Promise.race([
        Promise.all([seen, answered]),
        once(late, 'abort').then(() => {
          throw new Error(`${left} of ${watchers} watchers did not see an event`);
        }),
      ]);
      succeeded(await answered);
    }
    return latencies;
  });
}

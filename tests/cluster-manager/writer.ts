/** A client that writes through the rw service, one row after the other, and connects again whenever it must. */
import { systemClock } from '@polarstack/base';
import pg from 'pg';

export interface Login {
  readonly host: string;
  readonly port: number;
  readonly password: string;
}

export interface Writer {
  /** How many rows were acknowledged so far. */
  readonly acknowledged: number;
  /** Resolves when `more` further rows were acknowledged. */
  progress(more: number, signal: AbortSignal): Promise<void>;
  /** The longest time between two acknowledgements since the last call, in milliseconds. */
  takePause(): number;
  /** Ends it; answers every row that was acknowledged, and how many connections ended with an error. */
  stop(): Promise<{ readonly rows: readonly number[]; readonly broken: number }>;
}

const ANSWER_MS = 5_000;
const AGAIN_MS = 5;

export const connectAs = async ({ host, port, password }: Login): Promise<pg.Client> => {
  const client = new pg.Client({
    host,
    port,
    user: 'app',
    password,
    database: 'app',
    // The certificate is checked elsewhere; here connections count.
    ssl: { rejectUnauthorized: false },
    connectionTimeoutMillis: ANSWER_MS,
    query_timeout: ANSWER_MS,
  });
  client.on('error', () => {});
  await client.connect();
  return client;
};

/** Begins to write into table `written`, which it makes. */
export async function startWriter(login: Login): Promise<Writer> {
  const setup = await connectAs(login);
  await setup.query('create table if not exists written (n bigint primary key)');
  await setup.end();
  const rows: number[] = [];
  let broken = 0;
  let stopped = false;
  let last: number | undefined;
  let pause = 0;
  let n = Date.now() * 1_000;

  const write = async (): Promise<void> => {
    while (!stopped) {
      let client: pg.Client | undefined;
      try {
        client = await connectAs(login);
        while (!stopped) {
          n += 1;
          await client.query('insert into written values ($1)', [n]);
          rows.push(n);
          const now = systemClock.monotonic();
          if (last !== undefined) pause = Math.max(pause, now - last);
          last = now;
        }
      } catch {
        // Whether the row under way was written is not known: it is not counted.
        broken += 1;
        await systemClock.sleep(AGAIN_MS);
      } finally {
        client?.end().catch(() => {});
      }
    }
  };
  const writing = write();

  return {
    get acknowledged() {
      return rows.length;
    },
    progress: async (more, signal) => {
      const target = rows.length + more;
      while (rows.length < target) await systemClock.sleep(5, signal);
    },
    takePause: () => {
      const longest = pause;
      pause = 0;
      last = undefined;
      return longest;
    },
    stop: async () => {
      stopped = true;
      await writing;
      return { rows, broken };
    },
  };
}

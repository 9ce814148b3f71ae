import type { MPDCluster } from '@polarstack/api';
import { ENGINE_PORT } from '@polarstack/contracts';
import { appDatabase } from '../cluster/facts.ts';
import { type Account, accountKeys } from './accounts.ts';

/** What the Secret of an account holds, in clear text. */
export const accountValues = ({ name, password, privilege }: Account): Readonly<Record<string, string>> => ({
  [accountKeys.account]: name,
  [accountKeys.password]: password,
  [accountKeys.privilege]: privilege,
});

/** What an application needs to connect. The host is the address of the rw service: it serves in and out of pods. */
export function appValues(
  cluster: Pick<MPDCluster, 'spec'>,
  host: string,
  password: string,
): Readonly<Record<string, string>> {
  const { name: dbname, owner: username } = appDatabase(cluster);
  return {
    username,
    password,
    dbname,
    port: String(ENGINE_PORT),
    ...appLocation({ username, password, dbname }, host),
  };
}

/** The part of it that says where the database is. */
export function appLocation(
  { username, password, dbname }: { readonly username: string; readonly password: string; readonly dbname: string },
  host: string,
): Readonly<Record<'host' | 'uri', string>> {
  const at = `${host.includes(':') ? `[${host}]` : host}:${ENGINE_PORT}`;
  const login = [username, password].map(encodeURIComponent).join(':');
  return { host, uri: `postgresql://${login}@${at}/${encodeURIComponent(dbname)}?sslmode=require` };
}

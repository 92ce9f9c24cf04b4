import type { Config } from '../config.ts';

/** What an installation is: the database that it lives in, and the place that it stands in. Null: not known. */
export interface Identity extends Place, DatabaseIdentity {}

export interface DatabaseIdentity {
  /** Of the server: a restored dump, or a clone that was initialised anew, has another. */
  readonly systemIdentifier: string | null;
  /** Raised whenever a standby takes over and whenever a backup is recovered to a point in time. */
  readonly timelineId: number | null;
  /** Of the database and our table in it: another after a dump was read back into the same server. */
  readonly databaseId: string | null;
}

export interface Place {
  /** As configured; null where nobody said it. */
  readonly publicUrl: string | null;
  readonly graphHost: string | null;
}

const loopback = /^(?:localhost|127\.[\d.]+|\[::1\])$/;

/** Only what was configured: an address that follows from HOST and PORT may be another at every start. */
export function placeOf(config: Pick<Config, 'http' | 'graph'>): Place {
  const { publicUrl, host, port } = config.http;
  const derived = `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
  return {
    publicUrl: publicUrl === derived ? null : publicUrl,
    graphHost: graphHostOf(config.graph.baseUrl),
  };
}

/** A sandbox on this machine may have another port each time; it is the same network all the same. */
export function graphHostOf(baseUrl: string): string {
  const { hostname, host } = new URL(baseUrl);
  return loopback.test(hostname) ? 'loopback' : host;
}

/** As far as both are known. */
export function isSamePlace(one: Place, other: Place): boolean {
  return (['publicUrl', 'graphHost'] as const).every(
    (name) => one[name] === null || other[name] === null || one[name] === other[name],
  );
}

/** Sentences that say what is not as it was; what is unknown on either side does not count. */
export function findDifferences(known: Identity, present: Identity): readonly string[] {
  return names.flatMap(([name, label]) => {
    const [before, now] = [known[name], present[name]];
    if (before === null || now === null || before === now) return [];
    return [`${label} was ${before} and is ${now}`];
  });
}

const names = [
  ['systemIdentifier', "PostgreSQL's system_identifier"],
  ['timelineId', "PostgreSQL's timeline"],
  ['databaseId', 'the database (its oid and that of our table)'],
  ['publicUrl', 'PUBLIC_URL'],
  ['graphHost', 'the host of GRAPH_BASE_URL'],
] as const satisfies readonly (readonly [keyof Identity, string])[];

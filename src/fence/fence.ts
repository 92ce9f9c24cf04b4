import { hostname } from 'node:os';
import type { Services } from '../services.ts';
import {
  findDifferences,
  type Identity,
  isSamePlace,
  type Member,
  placeOf,
  readFleet,
} from './fleet-store.ts';
import {
  adoptIdentity,
  closeFence,
  type InstanceRow,
  readDatabaseIdentity,
  readInstance,
} from './store.ts';

type Needs = Pick<Services, 'db' | 'config' | 'log' | 'vault'>;

export interface Fence {
  readonly fencedAt: Date;
  readonly reason: string;
}

/** How long an answer holds. A process that lost its database asks anew before it can do anything. */
const freshForMs = 1_000;

interface Known {
  readonly at: number;
  readonly fence: Promise<Fence | null>;
}

const known = new WeakMap<Services['db'], Known>();
const warned = new WeakSet<Services['db']>();
const strayed = new WeakSet<Services['db']>();

/**
 * Null while the program may send. Else the database or the place is another than when it last ran, and what was sent
 * since is not in the rows: nothing may be sent until `unfence`. Compares at most once a second; throws while the
 * database is away, and then nothing can be sent either.
 */
export function readFence(services: Needs): Promise<Fence | null> {
  const { db } = services;
  const last = known.get(db);
  const now = performance.now();
  if (last !== undefined && now - last.at < freshForMs) return last.fence;
  const fence = compare(services);
  known.set(db, { at: now, fence });
  fence.catch(() => known.delete(db));
  return fence;
}

/** After this process itself closed or opened it. */
export function forgetFence(db: Services['db']): void {
  known.delete(db);
}

async function compare(services: Needs): Promise<Fence | null> {
  const { db, config, log } = services;
  // A command may be started anywhere, with half of the fleet's environment: it judges nothing.
  if (config.role === 'cli') return fenceOf(await readInstance(db));
  const [row, identity] = await Promise.all([readInstance(db), readIdentity(services)]);
  if (row.fencedAt !== null) return fenceOf(row);
  // PUBLIC_URL is judged when a process enters the fleet: it may be moved beneath those that run.
  const present = { ...identity, publicUrl: null };
  const differences = findDifferences(row.known, present);
  if (differences.length > 0) {
    const reason = `${differences.join('; ')}.`;
    if (await isStray(services, row, present)) return standAside(services, reason, row.now);
    if (await closeFence(db, reason, selfOf(services))) tellFenced(log, reason);
    return fenceOf(await readInstance(db));
  }
  if (isNews(row.known, present)) await adoptIdentity(db, present);
  return null;
}

/** The fleet lives, at the place that is known, and this process is somewhere else. */
async function isStray({ db }: Needs, row: InstanceRow, present: Identity): Promise<boolean> {
  if (findDifferences(row.known, { ...present, graphHost: null }).length > 0) return false;
  const fleet = await readFleet(db);
  return fleet.some((member) => !member.isDoubtful && isSamePlace(row.known, member));
}

/** Only this process sends nothing. */
function standAside({ db, log }: Needs, reason: string, now: Date): Fence {
  if (!strayed.has(db)) {
    strayed.add(db);
    log.error({ reason }, 'this process stands aside: the fleet of this database is elsewhere');
  }
  return { fencedAt: now, reason };
}

export function tellFenced(log: Needs['log'], reason: string): void {
  log.error({ reason }, 'fenced: nothing is sent until `npm run cli -- unfence --since TIME`');
}

export async function readIdentity({
  db,
  config,
  log,
}: Pick<Services, 'db' | 'config' | 'log'>): Promise<Identity> {
  const { isPartial, ...database } = await readDatabaseIdentity(db);
  if (isPartial && !warned.has(db)) {
    warned.add(db);
    log.warn(
      'this PostgreSQL does not tell its system_identifier: a restored or promoted one is only noticed by its database, PUBLIC_URL and Graph host; after such an event run `npm run cli -- fence`',
    );
  }
  return { ...database, ...placeOf(config) };
}

function fenceOf(row: InstanceRow): Fence | null {
  if (row.fencedAt === null) return null;
  return { fencedAt: row.fencedAt, reason: row.reason ?? '' };
}

function isNews(before: Identity, present: Identity): boolean {
  return identityNames.some((name) => before[name] === null && present[name] !== null);
}

const identityNames = [
  'systemIdentifier',
  'timelineId',
  'databaseId',
  'publicUrl',
  'graphHost',
] as const;

/** This process, as the others are told of it. */
export function selfOf({ config, vault }: Pick<Services, 'config' | 'vault'>): Member {
  return {
    ...placeOf(config),
    host: hostname(),
    pid: process.pid,
    role: config.role,
    graphBaseUrl: config.graph.baseUrl,
    keyChecks: vault.checks(),
  };
}

import { setTimeout as delay } from 'node:timers/promises';
import type { Config } from '../config/config.ts';
import { AppError, ConfigError, ConflictError } from '../errors.ts';
import type { Services } from '../services.ts';
import type { Vault } from '../vault.ts';
import { forgetFence, readIdentity, selfOf, tellFenced } from './fence.ts';
import {
  addMember,
  beat,
  beatEveryMs,
  findDifferences,
  type Identity,
  isSamePlace,
  lockInstance,
  type Member,
  type Place,
  placeOf,
  readFleet,
  removeMember,
  type SeenMember,
} from './fleet-store.ts';
import { adoptIdentity, closeFence, findUnfitKeys, readInstance } from './store.ts';

/** This process among the others. */
export interface Membership {
  /** Says goodbye, so that nobody has to wait until it counts as gone. */
  leave(): Promise<void>;
}

/** Without a database there is nobody to say goodbye to. */
const goodbyeMs = 2_000;

type Needs = Pick<Services, 'db' | 'config' | 'log' | 'vault'>;

/**
 * Enters the fleet of this database and says from then on that it is alive. Throws ConfigError beside a living fleet
 * that stands in another place or has another key under the same id; where that fleet is gone, another place closes
 * the fence.
 */
export async function enterFleet(services: Needs): Promise<Membership> {
  const { db, log } = services;
  const self = selfOf(services);
  const present = await readIdentity(services);
  const entered = await db.transaction(async (tx) => {
    await lockInstance(tx);
    const row = await readInstance(tx);
    const reason = findDifferences(row.known, present).join('; ');
    if (isSameDatabase(row.known, present)) {
      const fleet = await readFleet(tx);
      refuseStray(fleet, row.known, self);
      refuseOtherKeys(fleet, self);
    }
    const isClosed = reason !== '' && (await closeFence(tx, `${reason}.`, self));
    if (reason === '') await adoptIdentity(tx, present);
    return { id: await addMember(tx, self), reason: isClosed ? `${reason}.` : null };
  });
  forgetFence(db);
  if (entered.reason !== null) tellFenced(log, entered.reason);
  return keepAlive(services, entered.id, self);
}

/** The fleet of the rows is another one's when they came with a copy of the database. */
function isSameDatabase(known: Identity, present: Identity): boolean {
  return findDifferences(known, { ...present, publicUrl: null, graphHost: null }).length === 0;
}

function keepAlive({ db }: Needs, id: string, self: Member): Membership {
  let beating: Promise<void> = Promise.resolve();
  const timer = setInterval(() => {
    // While the database is away nobody else can enter either.
    beating = beating.then(() => beat(db, id, self)).catch(() => undefined);
  }, beatEveryMs);
  return {
    async leave() {
      clearInterval(timer);
      const gone = beating.then(() => removeMember(db, id)).catch(() => undefined);
      await Promise.race([gone, delay(goodbyeMs)]);
    },
  };
}

/** Those at the known place are the fleet; whoever else may be alive has strayed too. */
function refuseStray(fleet: readonly SeenMember[], known: Place, self: Member): void {
  if (isSamePlace(known, self)) return;
  const members = fleet.filter((member) => isSamePlace(known, member));
  const alive = members.find((member) => !member.isDoubtful);
  if (alive !== undefined) throw new ConfigError(namePlaces(alive, known, self));
  if (members.length === 0) return;
  throw new AppError(
    'fleet_in_doubt',
    'This process is configured for another place than the fleet of this database was. The database has only just started: whether that fleet is alive shows within 30 seconds.',
  );
}

function namePlaces(fleet: SeenMember, known: Place, self: Member): readonly string[] {
  const tell = (name: string, theirs: string, ours: string | null): string =>
    `${name}: this database belongs to a fleet that has ${theirs} (pid ${fleet.pid} on ${fleet.host}, last seen ${fleet.seenAt.toISOString()}); this process is configured for ${ours}. Set ${name} as the fleet has it, or use another database; to move the fleet, see "Move to another place" in docs/runbook.md`;
  const isElsewhere = known.graphHost !== null && known.graphHost !== self.graphHost;
  const isAt = isSamePlace({ ...known, graphHost: null }, self);
  return [
    ...(isElsewhere ? [tell('GRAPH_BASE_URL', hostOf(fleet), hostOf(self))] : []),
    ...(isAt ? [] : [tell('PUBLIC_URL', known.publicUrl ?? '', self.publicUrl)]),
  ];
}

function hostOf({ graphBaseUrl }: Member): string {
  return new URL(graphBaseUrl).host;
}

function refuseOtherKeys(fleet: readonly SeenMember[], self: Member): void {
  const problems = findKeyConflicts(fleet, self.keyChecks).map(
    ({ keyId, member }) =>
      `ENCRYPTION_KEYS: the key "${keyId}" is not the one that the fleet of this database has under this id (pid ${member.pid} on ${member.host}): give this process the same keys, or a new key a new id`,
  );
  if (problems.length > 0) throw new ConfigError(problems);
}

// A command, and an API that answers before it has entered the fleet, may be configured otherwise than the fleet.

/** Throws ConflictError where a call would take a token of the fleet's to another network than its own. */
export async function requireFleetsNetwork({
  db,
  config,
}: {
  readonly db: Services['db'];
  readonly config: Pick<Config, 'http' | 'graph'>;
}): Promise<void> {
  const { known } = await readInstance(db);
  const { graphHost } = placeOf(config);
  if (known.graphHost === null || known.graphHost === graphHost) return;
  throw new ConflictError(
    'conflict',
    `The fleet talks to ${known.graphHost}, this process to ${graphHost}: set GRAPH_BASE_URL as the fleet has it.`,
  );
}

/** Throws ConflictError where the fleet could not open what this process would seal. */
export async function requireFleetsKey({
  db,
  vault,
}: Pick<Services, 'db' | 'vault'>): Promise<void> {
  const keyId = vault.sealingKeyId;
  if (!(await findWrongKeys(db, vault)).has(keyId)) return;
  throw new ConflictError(
    'conflict',
    `ENCRYPTION_KEYS: the key "${keyId}" of this process is not the one that the fleet has under this id; nothing was sealed with it.`,
  );
}

/** The ids under which this process has another key than the one that sealed, or than a living process has. */
export async function findWrongKeys(
  db: Services['db'],
  vault: Vault,
): Promise<ReadonlySet<string>> {
  const [unfit, fleet] = await Promise.all([findUnfitKeys(db, vault), readFleet(db)]);
  const conflicts = findKeyConflicts(fleet, vault.checks());
  return new Set(
    [...unfit.filter(({ isMissing }) => !isMissing), ...conflicts].map(({ keyId }) => keyId),
  );
}

export interface KeyConflict {
  readonly keyId: string;
  readonly member: SeenMember;
}

/** What one of the two seals, the other could not open. */
function findKeyConflicts(
  fleet: readonly SeenMember[],
  checks: Readonly<Record<string, string>>,
): readonly KeyConflict[] {
  const alive = fleet.filter(({ isDoubtful }) => !isDoubtful);
  return Object.entries(checks).flatMap(([keyId, check]) => {
    const member = alive.find((one) => (one.keyChecks[keyId] ?? check) !== check);
    return member === undefined ? [] : [{ keyId, member }];
  });
}

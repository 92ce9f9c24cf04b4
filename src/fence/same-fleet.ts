import type { Config } from '../config.ts';
import { ConflictError } from '../errors.ts';
import { findUnfitKeys } from '../instance-store.ts';
import type { Services } from '../services.ts';
import type { Vault } from '../vault.ts';
import { readFleet, type SeenMember } from './fleet-store.ts';
import { placeOf } from './identity.ts';
import { readInstance } from './store.ts';

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
export function findKeyConflicts(
  fleet: readonly SeenMember[],
  checks: Readonly<Record<string, string>>,
): readonly KeyConflict[] {
  const alive = fleet.filter(({ isDoubtful }) => !isDoubtful);
  return Object.entries(checks).flatMap(([keyId, check]) => {
    const member = alive.find((one) => (one.keyChecks[keyId] ?? check) !== check);
    return member === undefined ? [] : [{ keyId, member }];
  });
}

import type { Config } from '../config.ts';
import { ConflictError } from '../errors.ts';
import { findUnfitKeys } from '../instance-store.ts';
import type { Services } from '../services.ts';
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
  const [unfit, fleet] = await Promise.all([findUnfitKeys(db, vault), readFleet(db)]);
  const isOther = findKeyConflict(fleet, vault.checks())?.keyId === keyId;
  if (!isOther && !unfit.some((one) => one.keyId === keyId)) return;
  throw new ConflictError(
    'conflict',
    `ENCRYPTION_KEYS: the key "${keyId}" of this process is not the one that the fleet has under this id; nothing was sealed with it.`,
  );
}

/** What one of the two seals, the other could not open. */
export function findKeyConflict(
  fleet: readonly SeenMember[],
  checks: Readonly<Record<string, string>>,
): { readonly keyId: string; readonly member: SeenMember } | null {
  for (const member of fleet.filter(({ isDoubtful }) => !isDoubtful)) {
    for (const [keyId, check] of Object.entries(checks)) {
      const other = member.keyChecks[keyId];
      if (other !== undefined && other !== check) return { keyId, member };
    }
  }
  return null;
}

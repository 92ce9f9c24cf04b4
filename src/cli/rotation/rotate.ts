import type { Vault } from '../../vault.ts';
import { nextSealed, type Resealed, type SealedToken, type Sql, saveResealed } from './store.ts';

export interface Rotation {
  readonly seen: number;
  readonly resealed: number;
  /** Replaced by somebody else while we looked; the next pass finds them current or seals them again. */
  readonly changedMeanwhile: number;
  /** Ids of what could not be opened: their key is missing, or the value was damaged. */
  readonly unopened: readonly string[];
}

const batchSize = 200;

/**
 * Seals every token anew under the first key, while the program runs. What is current already is left alone, so it
 * can be stopped and started at will.
 */
export async function rotateTokens(
  sql: Sql,
  vault: Vault,
  onProgress: (soFar: Rotation) => void,
): Promise<Rotation> {
  let total: Rotation = { seen: 0, resealed: 0, changedMeanwhile: 0, unopened: [] };
  let after: string | null = null;
  for (;;) {
    const batch: SealedToken[] = await nextSealed(sql, after, batchSize);
    const last = batch.at(-1);
    if (last === undefined) return total;
    total = add(total, await rotateBatch(sql, vault, batch));
    onProgress(total);
    after = last.id;
  }
}

async function rotateBatch(
  sql: Sql,
  vault: Vault,
  batch: readonly SealedToken[],
): Promise<Rotation> {
  const resealed: Resealed[] = [];
  const unopened: string[] = [];
  for (const token of batch) {
    const next = reseal(vault, token);
    if (next === undefined) unopened.push(token.id);
    else if (next !== token.sealed) resealed.push({ id: token.id, from: token.sealed, to: next });
  }
  const saved = resealed.length === 0 ? 0 : await saveResealed(sql, resealed);
  const changedMeanwhile = resealed.length - saved;
  return { seen: batch.length, resealed: saved, changedMeanwhile, unopened };
}

/** The same text where it is current already, undefined where it does not open. */
function reseal(vault: Vault, { id, tenantId, sealed }: SealedToken): string | undefined {
  const binding = { tenantId, integrationId: id };
  try {
    if (vault.isCurrent(sealed)) return sealed;
    return vault.seal(vault.open(sealed, binding), binding);
  } catch {
    return undefined;
  }
}

function add(total: Rotation, batch: Rotation): Rotation {
  return {
    seen: total.seen + batch.seen,
    resealed: total.resealed + batch.resealed,
    changedMeanwhile: total.changedMeanwhile + batch.changedMeanwhile,
    unopened: [...total.unopened, ...batch.unopened],
  };
}

import { answerBinding } from '../../api/idempotency.ts';
import type { Binding, Vault } from '../../vault.ts';
import {
  nextAnswers,
  nextTokens,
  type Resealed,
  type SealedAnswer,
  type SealedToken,
  type Sql,
  saveAnswers,
  saveTokens,
} from './store.ts';

export interface Rotation<Value> {
  readonly seen: number;
  readonly resealed: number;
  /** Replaced by somebody else while we looked; the next pass finds them current or seals them again. */
  readonly changedMeanwhile: number;
  /** What could not be opened: its key is missing, or the value was damaged. */
  readonly unopened: readonly Value[];
}

type OnProgress = (soFar: Pick<Rotation<unknown>, 'seen' | 'resealed'>) => void;

/**
 * Seals every token anew under the first key, while the program runs. What is current already is left alone, so it
 * can be stopped and started at will.
 */
export function rotateTokens(
  sql: Sql,
  vault: Vault,
  onProgress: OnProgress,
): Promise<Rotation<SealedToken>> {
  const kind = { next: nextTokens, save: saveTokens, bindingOf: tokenBinding };
  return rotateAll<SealedToken>(sql, vault, kind, onProgress);
}

function tokenBinding({ tenantId, id }: SealedToken): Binding {
  return { tenantId, integrationId: id };
}

/** The same for the answers that are kept, with a secret in them, to be repeated for their Idempotency-Key. */
export function rotateAnswers(
  sql: Sql,
  vault: Vault,
  onProgress: OnProgress,
): Promise<Rotation<SealedAnswer>> {
  const kind = { next: nextAnswers, save: saveAnswers, bindingOf: answerBinding };
  return rotateAll<SealedAnswer>(sql, vault, kind, onProgress);
}

/** A kind of sealed value: how to go through all of it, and what each one is bound to. */
interface SealedKind<Value> {
  next(sql: Sql, after: Value | undefined, limit: number): Promise<Value[]>;
  /** Answers how many were still as they had been read. */
  save(sql: Sql, values: readonly Resealed<Value>[]): Promise<number>;
  bindingOf(value: Value): Binding;
}

const batchSize = 200;

async function rotateAll<Value extends { readonly sealed: string }>(
  sql: Sql,
  vault: Vault,
  kind: SealedKind<Value>,
  onProgress: OnProgress,
): Promise<Rotation<Value>> {
  let total: Rotation<Value> = { seen: 0, resealed: 0, changedMeanwhile: 0, unopened: [] };
  let after: Value | undefined;
  for (;;) {
    const batch = await kind.next(sql, after, batchSize);
    after = batch.at(-1);
    if (after === undefined) return total;
    total = add(total, await rotateBatch(sql, vault, kind, batch));
    onProgress(total);
  }
}

async function rotateBatch<Value extends { readonly sealed: string }>(
  sql: Sql,
  vault: Vault,
  kind: SealedKind<Value>,
  batch: readonly Value[],
): Promise<Rotation<Value>> {
  const changed: Resealed<Value>[] = [];
  const unopened: Value[] = [];
  for (const value of batch) {
    const resealed = reseal(vault, value.sealed, kind.bindingOf(value));
    if (resealed === undefined) unopened.push(value);
    else if (resealed !== value.sealed) changed.push({ ...value, resealed });
  }
  const saved = changed.length === 0 ? 0 : await kind.save(sql, changed);
  const changedMeanwhile = changed.length - saved;
  return { seen: batch.length, resealed: saved, changedMeanwhile, unopened };
}

/** The same text where it is current already, undefined where it does not open. */
function reseal(vault: Vault, sealed: string, binding: Binding): string | undefined {
  try {
    if (vault.isCurrent(sealed)) return sealed;
    return vault.seal(vault.open(sealed, binding), binding);
  } catch {
    return undefined;
  }
}

function add<Value>(total: Rotation<Value>, batch: Rotation<Value>): Rotation<Value> {
  return {
    seen: total.seen + batch.seen,
    resealed: total.resealed + batch.resealed,
    changedMeanwhile: total.changedMeanwhile + batch.changedMeanwhile,
    unopened: [...total.unopened, ...batch.unopened],
  };
}

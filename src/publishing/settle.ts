import { setTimeout as delay } from 'node:timers/promises';
import { isUniqueViolation, type Settlement } from '../attempts/settle-store.ts';
import { AppError, PublishError } from '../errors.ts';
import type { Services } from '../services.ts';
import { ownFailure } from './errors.ts';
import type { Pipeline } from './pipeline.ts';

type Settling = Services & { readonly pipeline: Pipeline };

const giveUpAfterMs = 600_000;

/**
 * Writes what was learned about an attempt, through an outage of the database if need be: an answer of the provider
 * that is lost here must be looked for. Gives up after ten minutes, when others have long called it unknown. False: the
 * attempt was settled by somebody else.
 */
export async function settleDurably(services: Settling, settlement: Settlement): Promise<boolean> {
  const startedAt = performance.now();
  for (let waitMs = 200; ; waitMs = Math.min(waitMs * 2, 10_000)) {
    try {
      return await services.pipeline.settle(settlement);
    } catch (error) {
      if (isUniqueViolation(error)) throw takenExternalId(error);
      if (performance.now() - startedAt > giveUpAfterMs) {
        throw new AppError('settle_failed', 'The outcome could not be written', { cause: error });
      }
      services.log.warn({ err: error, postId: settlement.post.id }, 'outcome not written yet');
      await delay(waitMs);
    }
  }
}

/** Meta named a post that is another row's: then we do not know what happened to ours. */
function takenExternalId(cause: unknown): PublishError {
  const text = 'The network answered with the id of another post of ours.';
  return new PublishError(ownFailure('unknown_outcome', 'external_id_taken', text), { cause });
}

import { z } from 'zod';
import type { GraphClient } from '../../graph/client.ts';
import type { CallContext, UnstageRequest } from '../provider.ts';
import { isGone } from './change.ts';
import { nodePath } from './path.ts';

/** Deletes a photo that was uploaded unpublished. */
export async function unstage(
  client: GraphClient,
  { account, id }: UnstageRequest,
  context: CallContext,
): Promise<void> {
  try {
    await client.request({
      method: 'DELETE',
      path: nodePath(id),
      effect: 'changes',
      account,
      schema: z.unknown(),
      context,
    });
  } catch (error) {
    // Facebook drops such photos by itself after a day; and this may not be the first time that we ask.
    if (!isGone(error)) throw error;
  }
}

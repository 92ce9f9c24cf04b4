import { z } from 'zod';
import type { StagedMedium } from '../../attempts/attempt.ts';
import type { GraphClient } from '../../graph/client.ts';
import type { CallContext, StageRequest } from '../provider.ts';
import { idSchema } from './id.ts';
import { nodePath } from './path.ts';

const answer = z.object({ id: idSchema });

/**
 * Puts one photo on the Page, unpublished. Also when it is the post's only one: a photo attached to
 * a feed post shows as a post, keeps the id's shape, and leaves one visible call.
 */
export async function stage(
  client: GraphClient,
  { account, medium, index, mode }: StageRequest,
  context: CallContext,
): Promise<StagedMedium> {
  const at = new Date().toISOString();
  const { body } = await client.request({
    method: 'POST',
    path: nodePath(account.externalAccountId, 'photos'),
    effect: 'stages',
    account,
    params: stageParams({ medium, mode }),
    schema: answer,
    context,
  });
  return { index, id: body.id, at };
}

export function stageParams({
  medium,
  mode,
}: Pick<StageRequest, 'medium' | 'mode'>): Readonly<Record<string, unknown>> {
  return {
    url: medium.url,
    published: false,
    // Meta documents it for photos of later scheduled posts. Drafts and posts at once attach
    // within seconds, and nobody knows what it does to a photo of a draft that lies for weeks.
    ...(mode === 'schedule' ? { temporary: true } : {}),
    ...(medium.alt_text ? { alt_text_custom: medium.alt_text } : {}),
  };
}

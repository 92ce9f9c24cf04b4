import { z } from 'zod';
import type { GraphClient } from '../../graph/client.ts';
import type { CallContext, ReadBack, ReadBackRequest } from '../provider.ts';
import { isGone } from './change.ts';
import { nodePath } from './path.ts';
import { graphTime } from './time.ts';

const answer = z.looseObject({
  permalink_url: z.string().nullish(),
  message: z.string().nullish(),
  is_published: z.boolean().nullish(),
  created_time: graphTime,
  scheduled_publish_time: graphTime,
});

/** A post as Facebook has it now; null when it says that there is none, or none that we may see. */
export async function readBack(
  client: GraphClient,
  { account, externalId }: ReadBackRequest,
  context: CallContext,
): Promise<ReadBack | null> {
  try {
    const { body } = await client.request({
      method: 'GET',
      path: nodePath(externalId),
      effect: 'reads',
      account,
      params: { fields: 'permalink_url,message,is_published,created_time,scheduled_publish_time' },
      schema: answer,
      context,
    });
    return {
      permalink: body.permalink_url ?? null,
      message: body.message ?? null,
      // Posts have the field always; without it a scheduled time is what tells.
      isPublished: body.is_published ?? body.scheduled_publish_time === null,
      createdAt: body.created_time,
      scheduledAt: body.scheduled_publish_time,
    };
  } catch (error) {
    if (isGone(error)) return null;
    throw error;
  }
}

import { z } from 'zod';
import { PublishError } from '../../errors.ts';
import type { GraphClient } from '../../graph/client.ts';
import type { CallContext, Published, PublishRequest } from '../provider.ts';
import { failure } from './failure.ts';
import { postIdSchema } from './id.ts';
import { nodePath } from './path.ts';
import { unixSeconds } from './time.ts';
import { handoverWindow } from './window.ts';

const answer = z.object({ id: postIdSchema });

/** The one visible call. Never with `fields`: Meta can then answer an error after the effect. */
export async function publish(
  client: GraphClient,
  request: PublishRequest,
  context: CallContext,
): Promise<Published> {
  const { account, mode, scheduledAt } = request;
  const params = publishParams(request);
  const startedAt = Date.now();
  try {
    const { body } = await client.request({
      method: 'POST',
      path: nodePath(account.externalAccountId, 'feed'),
      effect: 'publishes',
      account,
      params,
      schema: answer,
      context,
    });
    return { externalId: body.id };
  } catch (error) {
    const aheadMs = (scheduledAt?.getTime() ?? 0) - startedAt;
    if (mode === 'schedule' && isFarRefusal(error, aheadMs)) throw notYet(error);
    throw error;
  }
}

export function publishParams(
  request: Omit<PublishRequest, 'account'>,
): Readonly<Record<string, unknown>> {
  return { ...contentParams(request), ...modeParams(request) };
}

function contentParams({
  content,
  staged,
}: Pick<PublishRequest, 'content' | 'staged'>): Record<string, unknown> {
  const { message, link } = content;
  if (staged.length !== content.media.length) throw incomplete();
  return {
    ...(message === null || message === '' ? {} : { message }),
    ...(link === null || link === '' ? {} : { link }),
    ...(staged.length === 0
      ? {}
      : { attached_media: staged.map(({ id }) => ({ media_fbid: id })) }),
  };
}

/** All or nothing: a post never goes out with fewer photos than it was approved with. */
function incomplete(): PublishError {
  return new PublishError(
    failure({
      class: 'internal',
      key: 'media_not_staged',
      who: 'operator',
      message: 'Asked to publish a post before each of its media was staged',
      user_message: 'The photos of the post were not ready.',
      action: 'Report it to the developers of this service.',
    }),
  );
}

function modeParams({
  mode,
  scheduledAt,
}: Pick<PublishRequest, 'mode' | 'scheduledAt'>): Record<string, unknown> {
  switch (mode) {
    case 'draft':
      return { published: false, unpublished_content_type: 'DRAFT' };
    case 'schedule':
      return {
        published: false,
        unpublished_content_type: 'SCHEDULED',
        scheduled_publish_time: scheduledSeconds(scheduledAt),
      };
    case 'publish':
      return { published: true };
  }
}

function scheduledSeconds(at: Date | null): number {
  if (at !== null) return unixSeconds(at);
  throw new PublishError(
    failure({
      class: 'invalid',
      key: 'schedule_needs_time',
      who: 'author',
      message: 'A post for the scheduler has no time',
      user_message: 'The post has no time to go out at.',
      action: 'Give it a time, then retry.',
    }),
  );
}

/** A bare code 100 does not say what is wrong; this far ahead it is taken for the window. */
function isFarRefusal(error: unknown, aheadMs: number): error is PublishError {
  if (!(error instanceof PublishError)) return false;
  return error.record.key === 'parameter_invalid' && aheadMs > handoverWindow.certainAheadMs;
}

function notYet({ record }: PublishError): PublishError {
  return new PublishError({
    ...record,
    class: 'not_ready',
    key: 'facebook_schedule_window',
    who: 'nobody',
    retryable: true,
    user_message: 'Facebook does not take the post this far ahead.',
    action: 'Nothing to do: it is held and handed over 29 days before its time.',
  });
}

import { z } from 'zod';
import { PublishError } from '../../errors.ts';
import type { GraphClient } from '../../graph/client.ts';
import { failure, idSchema } from '../../graph/wire.ts';
import type { CallContext } from '../account.ts';
import type { StagedMedium } from '../content.ts';
import type {
  CreateRequest,
  PreviewedCall,
  PreviewRequest,
  Published,
  PublishRequest,
  RevealRequest,
  StageRequest,
} from '../provider.ts';
import { handoverWindow, nodePath, postIdSchema, unixSeconds } from './wire.ts';

const photoAnswer = z.object({ id: idSchema });
const postAnswer = z.object({ id: postIdSchema });

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
    schema: photoAnswer,
    // Meta fetches the photo before it answers, and gives that up later than we usually wait.
    deadlines: 2,
    context,
  });
  return { index, id: body.id, at };
}

function stageParams({
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

/** The post as a dark one: nobody sees it, and it is on no list of drafts. */
export async function create(
  client: GraphClient,
  request: CreateRequest,
  context: CallContext,
): Promise<Published> {
  const { body } = await client.request({
    method: 'POST',
    path: nodePath(request.account.externalAccountId, 'feed'),
    effect: 'stages',
    account: request.account,
    params: createParams(request),
    schema: postAnswer,
    context,
  });
  return { externalId: body.id };
}

function createParams(request: Pick<CreateRequest, 'content' | 'staged'>): Record<string, unknown> {
  return { ...contentParams(request), published: false };
}

/** Repeated at will: what is public stays as it is. */
export async function reveal(
  client: GraphClient,
  request: RevealRequest,
  context: CallContext,
): Promise<void> {
  const startedAt = Date.now();
  try {
    await client.request({
      method: 'POST',
      path: nodePath(request.externalId),
      effect: 'reveals',
      account: request.account,
      params: revealParams(request),
      schema: z.unknown(),
      context,
    });
  } catch (error) {
    if (request.scheduledAt === null) throw error;
    throw windowRefusal(error, request.scheduledAt.getTime() - startedAt);
  }
}

function revealParams({
  scheduledAt,
}: Pick<RevealRequest, 'scheduledAt'>): Record<string, unknown> {
  return scheduledAt === null
    ? { is_published: true }
    : { scheduled_publish_time: unixSeconds(scheduledAt) };
}

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
      schema: postAnswer,
      context,
    });
    return { externalId: body.id };
  } catch (error) {
    if (mode !== 'schedule' || scheduledAt === null) throw error;
    throw windowRefusal(error, scheduledAt.getTime() - startedAt);
  }
}

function publishParams(
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

/** Meta's clock, and the time that the call takes, may bring a post out of the window that we saw inside it. */
const surelyInTimeMs = 20 * 60_000;

/** A bare code 100 does not say what is wrong; this far ahead, or this near, it is taken for the window. */
function windowRefusal(error: unknown, aheadMs: number): unknown {
  if (!(error instanceof PublishError) || error.record.key !== 'parameter_invalid') return error;
  if (error.record.provider_subcode !== null) return error;
  if (aheadMs > handoverWindow.certainAheadMs) return notYet(error);
  return aheadMs < surelyInTimeMs ? tooLate(error) : error;
}

/** From then on it is planned as a post outside the window is. */
function tooLate({ record }: PublishError): PublishError {
  const words = {
    user_message: 'Facebook takes the post no more for its own scheduler: its time is too near.',
    action:
      'Nothing to do where we may publish it ourselves; else publish it, or give it a new time.',
  };
  const told = { class: 'not_ready', key: 'facebook_schedule_too_late', who: 'nobody' } as const;
  const isOver = { retryAfterMs: 0 };
  return new PublishError({ ...record, ...told, ...words, retryable: true }, isOver);
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

/** What the calls would send; ids that are not known yet are named. */
export function preview(request: PreviewRequest): readonly PreviewedCall[] {
  const { externalAccountId, content, mode, scheduledAt, inTwoSteps } = request;
  const photos = content.media.map(
    (medium): PreviewedCall => ({
      method: 'POST',
      path: nodePath(externalAccountId, 'photos'),
      effect: 'stages',
      body: stageParams({ medium, mode }),
    }),
  );
  const staged = content.media.map((_medium, index) => ({
    index,
    id: `<id of photo ${index + 1}>`,
    at: '',
  }));
  const path = nodePath(externalAccountId, 'feed');
  if (!inTwoSteps) {
    const body = publishParams({ content, staged, mode, scheduledAt });
    return [...photos, { method: 'POST', path, effect: 'publishes', body }];
  }
  return [
    ...photos,
    { method: 'POST', path, effect: 'stages', body: createParams({ content, staged }) },
    {
      method: 'POST',
      path: '/<id of the hidden post>',
      effect: 'reveals',
      body: revealParams({ scheduledAt: mode === 'schedule' ? scheduledAt : null }),
    },
  ];
}

import { z } from 'zod';
import { PublishError } from '../../errors.ts';
import type { GraphClient } from '../../graph/client.ts';
import { idSchema } from '../../graph/wire.ts';
import type { Account, CallContext } from '../account.ts';
import type {
  ChangeRequest,
  DeleteRequest,
  ReadRequest,
  RemotePost,
  UnstageRequest,
} from '../provider.ts';
import { graphTime, nodePath, unixSeconds } from './wire.ts';

const postAnswer = z.looseObject({
  permalink_url: z.string().nullish(),
  message: z.string().nullish(),
  is_published: z.boolean().nullish(),
  created_time: graphTime,
  scheduled_publish_time: graphTime,
});

/** A post as Facebook has it now; null when it says that there is none, or none that we may see. */
export async function readPost(
  client: GraphClient,
  { account, externalId }: ReadRequest,
  context: CallContext,
): Promise<RemotePost | null> {
  try {
    const { body } = await client.request({
      method: 'GET',
      path: nodePath(externalId),
      effect: 'reads',
      account,
      params: { fields: 'permalink_url,message,is_published,created_time,scheduled_publish_time' },
      schema: postAnswer,
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

/** Only posts of the same app can be changed; Meta answers `{"success":true}`. */
export async function change(
  client: GraphClient,
  { account, externalId, message, scheduledAt }: ChangeRequest,
  context: CallContext,
): Promise<void> {
  await client.request({
    method: 'POST',
    path: nodePath(externalId),
    effect: 'changes',
    account,
    params: {
      ...(message === undefined ? {} : { message }),
      ...(scheduledAt === undefined ? {} : { scheduled_publish_time: unixSeconds(scheduledAt) }),
    },
    schema: z.unknown(),
    context,
  });
}

export async function deletePost(
  client: GraphClient,
  { account, externalId }: DeleteRequest,
  context: CallContext,
): Promise<boolean> {
  try {
    await client.request({
      method: 'DELETE',
      path: nodePath(externalId),
      effect: 'changes',
      account,
      schema: z.unknown(),
      context,
    });
    return true;
  } catch (error) {
    if (isGone(error)) return false;
    throw error;
  }
}

export async function isReadable(
  client: GraphClient,
  account: Account,
  context: CallContext,
): Promise<boolean> {
  try {
    await client.request({
      method: 'GET',
      path: nodePath(account.externalAccountId),
      effect: 'reads',
      account,
      params: { fields: 'id' },
      schema: z.looseObject({ id: idSchema }),
      context,
    });
    return true;
  } catch (error) {
    if (isGone(error)) return false;
    throw error;
  }
}

/** 100/33: it does not exist, or not for us. */
function isGone(error: unknown): boolean {
  if (!(error instanceof PublishError)) return false;
  return error.record.provider_code === 100 && error.record.provider_subcode === 33;
}

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

import { z } from 'zod';
import { PublishError } from '../../errors.ts';
import type { GraphClient } from '../../graph/client.ts';
import type { Account, CallContext, ChangeRequest, DeleteRequest } from '../provider.ts';
import { idSchema } from './id.ts';
import { nodePath } from './path.ts';
import { unixSeconds } from './time.ts';

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
export function isGone(error: unknown): boolean {
  if (!(error instanceof PublishError)) return false;
  return error.record.provider_code === 100 && error.record.provider_subcode === 33;
}

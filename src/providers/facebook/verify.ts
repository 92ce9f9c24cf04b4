import { z } from 'zod';
import { PublishError } from '../../errors.ts';
import type { GraphClient } from '../../graph/client.ts';
import type { Account, CallContext, VerifiedAccount } from '../provider.ts';
import { failure } from './failure.ts';
import { idSchema } from './id.ts';
import { nodePath } from './path.ts';

const me = z.looseObject({ id: idSchema, name: z.string().nullish() });
const list = z.looseObject({ data: z.array(z.unknown()) });

/** Proves that the token is the Page's own, may read its posts, and is not barred from writing. */
export async function verify(
  client: GraphClient,
  account: Account,
  context: CallContext,
): Promise<VerifiedAccount> {
  const postsPath = nodePath(account.externalAccountId, 'published_posts');
  const common = { method: 'GET', effect: 'reads', account, context } as const;
  const self = await client.request({
    ...common,
    path: '/me',
    params: { fields: 'id,name' },
    schema: me,
  });
  // `me` is whom the token stands for: the Page with its own token, a person with a user token.
  if (self.body.id !== account.externalAccountId) throw notThePage(self.body.id);
  await client.request({
    ...common,
    path: postsPath,
    params: { fields: 'id', limit: 1 },
    schema: list,
  });
  await probeWriting(client, account, context);
  return { externalAccountId: self.body.id, name: self.body.name ?? null };
}

/**
 * A photo without a file: nothing can come of it, but a token without the scope or the task is told
 * so here and not when the first post is due. Any other refusal is about the missing file.
 */
async function probeWriting(
  client: GraphClient,
  account: Account,
  context: CallContext,
): Promise<void> {
  try {
    await client.request({
      method: 'POST',
      path: nodePath(account.externalAccountId, 'photos'),
      effect: 'stages',
      account,
      params: { published: false },
      schema: z.unknown(),
      context,
    });
  } catch (error) {
    if (!(error instanceof PublishError) || barring.has(error.record.class)) throw error;
  }
}

const barring: ReadonlySet<string> = new Set(['reauth', 'permission', 'blocked']);

function notThePage(id: string): PublishError {
  return new PublishError(
    failure({
      class: 'reauth',
      key: 'token_is_user_token',
      who: 'tenant_admin',
      message: `The token stands for ${id} and not for the Page: it is the token of a person or of another Page`,
      user_message: 'The token is not the one of this Page.',
      action: 'Take the Page access token of this Page (me/accounts lists it), not the user token.',
    }),
  );
}

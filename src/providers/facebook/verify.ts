import { z } from 'zod';
import { PublishError } from '../../errors.ts';
import type { GraphClient } from '../../graph/client.ts';
import { Secret } from '../../secret.ts';
import type { Account, CallContext } from '../account.ts';
import type { VerifiedAccount } from '../connecting.ts';
import { failure, idSchema, nodePath } from './wire.ts';

const me = z.looseObject({ id: idSchema, name: z.string().nullish() });
const list = z.looseObject({ data: z.array(z.unknown()) });

/** Proves that the token is the Page's own, may read its posts and, where we can ask, may write them. */
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
  await inspectToken(client, account, context);
  return {
    externalAccountId: self.body.id,
    name: self.body.name ?? null,
    username: null,
    facts: null,
    tasks: null,
    seen: {},
  };
}

const tokenFacts = z.looseObject({
  data: z.looseObject({
    is_valid: z.boolean(),
    type: z.string().nullish(),
    scopes: z.array(z.string()).nullish(),
  }),
});
const neededScope = 'pages_manage_posts';

/**
 * What Meta knows about the token, where we hold the app's secret to ask: a token without the scope is told so here and
 * not when the first post is due. Best effort: a refusal to tell is no verdict on the token.
 */
async function inspectToken(
  client: GraphClient,
  account: Account,
  context: CallContext,
): Promise<void> {
  const { appId, appSecret, token } = account;
  if (!appId || appSecret === null) return;
  const facts = await client
    .request({
      method: 'GET',
      path: '/debug_token',
      effect: 'reads',
      account: {
        externalAccountId: account.externalAccountId,
        token: new Secret(`${appId}|${appSecret.reveal()}`),
        appSecret,
      },
      // The one place where Meta wants a token in the address.
      params: { input_token: token.reveal() },
      schema: tokenFacts,
      context,
    })
    .catch(ignoreRefusal);
  if (facts === null) return;
  const { is_valid: isValid, scopes } = facts.body.data;
  if (!isValid) throw deadToken();
  if (scopes && !scopes.includes(neededScope)) throw scopeMissing();
}

function ignoreRefusal(error: unknown): null {
  if (error instanceof PublishError && error.record.class !== 'retry') return null;
  throw error;
}

function deadToken(): PublishError {
  return new PublishError(
    failure({
      class: 'reauth',
      key: 'token_invalid',
      who: 'tenant_admin',
      message: 'Meta says that the token is not valid',
      user_message: 'The connection to this Page has ended.',
      action: 'Connect the Page again with a new token.',
    }),
  );
}

function scopeMissing(): PublishError {
  return new PublishError(
    failure({
      class: 'permission',
      key: 'scope_missing',
      who: 'tenant_admin',
      message: `The token lacks ${neededScope}`,
      user_message: 'The token may not publish on this Page.',
      action: `Connect the Page again and grant ${neededScope}.`,
    }),
  );
}

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

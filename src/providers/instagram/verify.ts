import { z } from 'zod';
import { PublishError } from '../../errors.ts';
import type { GraphClient } from '../../graph/client.ts';
import { generalErrors } from '../../graph/codes.ts';
import { refusalOf } from '../../graph/errors.ts';
import { proveToken, readAccount } from '../../graph/token.ts';
import { accountPath, idSchema, maybeText } from '../../graph/wire.ts';
import type { Secret } from '../../secret.ts';
import type { Account, CallContext } from '../account.ts';
import type { TokenFacts, VerifiedAccount } from '../connecting.ts';

const self = z.looseObject({
  // The one of paths and callbacks about posts.
  user_id: idSchema,
  id: idSchema.nullish().catch(null),
  username: maybeText,
  name: maybeText,
  account_type: maybeText,
});
/** Documented in a list once, recorded without one. */
const selfAnswer = z.union([
  self,
  z.looseObject({ data: z.tuple([self]) }).transform(({ data }) => data[0]),
]);

export interface Self {
  readonly id: string;
  /** Only this app knows the account by it. */
  readonly scopedId: string | null;
  readonly username: string | null;
  readonly name: string | null;
  readonly accountType: string | null;
}

/** Whose token it is, on the host of Instagram's own login. No proof of a secret is known there. */
export async function readSelf(
  client: GraphClient,
  token: Secret,
  context: CallContext,
  externalAccountId = 'me',
): Promise<Self> {
  const { body } = await client.request({
    method: 'GET',
    path: '/me',
    effect: 'reads',
    account: { externalAccountId, token, appSecret: null },
    params: { fields: 'user_id,username,name,account_type' },
    schema: selfAnswer,
    context,
  });
  const { user_id: id, id: scopedId = null, username, name, account_type: accountType } = body;
  return { id, scopedId, username, name, accountType };
}

/** Apps may publish for these only. One whose type is not told is taken. */
export function isProfessional(accountType: string | null): boolean {
  return accountType === null || ['BUSINESS', 'MEDIA_CREATOR'].includes(accountType);
}

/** By the account's own login. When its token ends, and what it may do, nobody can ask there. */
export async function verifyOwn(
  client: GraphClient,
  { externalAccountId, token }: Account,
  context: CallContext,
): Promise<VerifiedAccount> {
  accountPath(externalAccountId);
  const found = await readSelf(client, token, context, externalAccountId);
  if (found.id !== externalAccountId) {
    const message = `The token stands for the account ${found.id}`;
    throw refusalOf(generalErrors.userToken, message);
  }
  if (!isProfessional(found.accountType)) {
    const message = `The account is of type ${found.accountType}`;
    throw refusalOf(generalErrors.notProfessional, message);
  }
  const { username, name } = found;
  return { externalAccountId, username, name, facts: lives(found), tasks: null, seen: {} };
}

/** Only whether the token lives: an answer about it is one, whatever it says. */
export async function inspectOwn(
  client: GraphClient,
  { externalAccountId, token }: Account,
  context: CallContext,
): Promise<TokenFacts | null> {
  try {
    return lives(await readSelf(client, token, context, externalAccountId));
  } catch (error) {
    if (!(error instanceof PublishError) || error.record.class === 'retry') throw error;
    const { record, scope } = error;
    const isOfToken = ['reauth', 'permission', 'blocked'].includes(record.class);
    return isOfToken && scope === 'account' ? { ...lives(null), error: record } : null;
  }
}

function lives(found: Self | null): TokenFacts {
  return {
    error: null,
    appId: null,
    userId: found?.scopedId ?? null,
    expiresAt: 'unknown',
    dataAccessExpiresAt: null,
    issuedAt: null,
    scopes: null,
  };
}

/** Publishing needs both, whoever's token it is. */
const neededScopes = ['instagram_basic', 'instagram_content_publish'];
const linked = z.looseObject({ id: idSchema, username: maybeText, name: maybeText });

/** Through the Page that the account is linked to, whose token it is. */
export async function verifyLinked(
  client: GraphClient,
  account: Account,
  context: CallContext,
): Promise<VerifiedAccount> {
  const path = accountPath(account.externalAccountId);
  const asked = { path, fields: 'id,username,name', schema: linked };
  const { id, username, name } = await readAccount(client, account, asked, context);
  const facts = await proveToken(client, account, neededScopes, context);
  return { externalAccountId: id, username, name, facts, tasks: null, seen: {} };
}

import { z } from 'zod';
import { PublishError } from '../errors.ts';
import type { Account, CallContext } from '../providers/account.ts';
import type { App, TokenFacts } from '../providers/connecting.ts';
import { Secret } from '../secret.ts';
import type { GraphClient } from './client.ts';
import { generalErrors } from './codes.ts';
import { recordOfInner, refusalOf } from './errors.ts';
import { idSchema, maybeNumber, maybeText } from './wire.ts';

/** What debug_token tells of a token. */
export interface ToldToken extends Omit<TokenFacts, 'scopes'> {
  readonly isSystemUser: boolean;
  /** The Page that it is of; null: of a person, or not told. */
  readonly profileId: string | null;
  /** Granted at all; null: not told. */
  readonly granted: readonly string[] | null;
  /** Permissions that hold for these ids only; one that is not named holds for all. */
  readonly targets: ReadonlyMap<string, readonly string[]>;
}

const maybeId = idSchema.nullish().catch(null);
const scopeNames = z.array(z.string()).nullish().catch(null);
const granular = z.looseObject({
  scope: z.string(),
  target_ids: z.array(idSchema).nullish().catch(null),
});
const answer = z.looseObject({
  data: z.looseObject({
    is_valid: z.boolean(),
    error: z.unknown().optional(),
    app_id: maybeId,
    user_id: maybeId,
    profile_id: maybeId,
    type: maybeText,
    expires_at: maybeNumber,
    data_access_expires_at: maybeNumber,
    issued_at: maybeNumber,
    scopes: scopeNames,
    granular_scopes: z.array(granular).nullish().catch(null),
  }),
});

/**
 * What Meta knows about a token, asked by its app, so that the call counts for no account. `foreign`: it is of another
 * app. Null: Meta would not tell, which says nothing about the token. Throws retry while Meta cannot be reached, and
 * rate_limited while the app may not ask.
 */
export async function debugToken(
  client: GraphClient,
  { appId, appSecret }: Pick<App, 'appId' | 'appSecret'>,
  token: Secret,
  context: CallContext,
): Promise<ToldToken | 'foreign' | null> {
  try {
    const { body } = await client.request({
      method: 'GET',
      path: '/debug_token',
      effect: 'reads',
      account: {
        externalAccountId: appId,
        token: new Secret(`${appId}|${appSecret.reveal()}`),
        appSecret,
      },
      // The one place where Meta wants a token in the address.
      params: { input_token: token },
      schema: answer,
      context,
    });
    const told = read(body.data);
    return told.appId !== null && told.appId !== appId ? 'foreign' : told;
  } catch (error) {
    return judgeRefusal(error);
  }
}

/** Asked with the right token of an app, a refused parameter can only be a token that is not this app's. */
function judgeRefusal(error: unknown): 'foreign' | null {
  if (!(error instanceof PublishError) || isPassing(error)) throw error;
  const { provider_code: code, key } = error.record;
  return code === 100 && key === 'parameter_invalid' ? 'foreign' : null;
}

/** Asked a little later, it answers. */
function isPassing({ record }: PublishError): boolean {
  return record.class === 'retry' || record.class === 'rate_limited';
}

function read(data: z.output<typeof answer>['data']): ToldToken {
  return {
    error: data.is_valid
      ? null
      : (recordOfInner(data.error, new Date()) ??
        refusalOf(generalErrors.tokenDead, 'Meta says that the token is not valid').record),
    appId: data.app_id ?? null,
    userId: data.user_id ?? null,
    profileId: data.profile_id ?? null,
    isSystemUser: data.type === 'SYSTEM_USER',
    expiresAt: endOf(data.expires_at),
    dataAccessExpiresAt: momentOf(data.data_access_expires_at),
    issuedAt: momentOf(data.issued_at),
    granted: data.scopes ?? null,
    targets: new Map(
      (data.granular_scopes ?? []).flatMap(({ scope, target_ids: ids }) =>
        ids ? [[scope, ids]] : [],
      ),
    ),
  };
}

function endOf(at: number | null): TokenFacts['expiresAt'] {
  if (at === 0) return 'never';
  return momentOf(at) ?? 'unknown';
}

function momentOf(at: number | null): Date | null {
  return at ? new Date(at * 1000) : null;
}

/** An Instagram account is known by its own id, and by that of the Page whose token this is. */
function idsOf({ externalAccountId: id }: Account, { profileId }: ToldToken): readonly string[] {
  return profileId === null ? [id] : [id, profileId];
}

/** The same for one account. */
function factsFor(told: ToldToken, ids: readonly string[]): TokenFacts {
  const { error, appId, userId, expiresAt, dataAccessExpiresAt, issuedAt, granted } = told;
  const scopes = granted?.filter((scope) => holdsFor(told, scope, ids)) ?? null;
  return { error, appId, userId, expiresAt, dataAccessExpiresAt, issuedAt, scopes };
}

export function holdsFor(
  { targets }: Pick<ToldToken, 'targets'>,
  scope: string,
  ids: readonly string[],
): boolean {
  return targets.get(scope)?.some((id) => ids.includes(id)) ?? true;
}

/**
 * Throws what debug_token has against a token. Null: we hold no secret of its app, or Meta would not tell, so that nothing
 * is proven.
 */
export async function proveToken(
  client: GraphClient,
  account: Account,
  scopes: readonly string[],
  context: CallContext,
): Promise<TokenFacts | null> {
  const told = await debugAccount(client, account, context);
  if (told === 'foreign') throw ofAnotherApp(account);
  if (told === null) return null;
  if (told.error !== null) throw new PublishError(told.error);
  const ids = idsOf(account, told);
  const missing = scopes.filter((scope) => told.granted?.includes(scope) === false);
  if (missing.length > 0)
    throw refusalOf(generalErrors.scopeMissing, `The token lacks ${missing.join(', ')}`);
  const elsewhere = scopes.filter((scope) => !holdsFor(told, scope, ids));
  if (elsewhere.length > 0)
    throw refusalOf(
      generalErrors.scopeElsewhere,
      `The token has ${elsewhere.join(', ')} for other accounts only`,
    );
  return factsFor(told, ids);
}

/** What Meta knows of an account's token, without a word on whether it is enough. */
export async function inspectToken(
  client: GraphClient,
  account: Account,
  context: CallContext,
): Promise<TokenFacts | null> {
  const told = await debugAccount(client, account, context);
  // Which app is ours may be our own mistake: no token is dead of it.
  return told === null || told === 'foreign' ? null : factsFor(told, idsOf(account, told));
}

async function debugAccount(
  client: GraphClient,
  { appId, appSecret, token }: Account,
  context: CallContext,
): Promise<ToldToken | 'foreign' | null> {
  return appId && appSecret !== null
    ? debugToken(client, { appId, appSecret }, token, context)
    : null;
}

/** What a token shows of the account that it is said to be of: the first thing that is asked with it. */
export async function readAccount<T>(
  client: GraphClient,
  account: Account,
  {
    path,
    fields,
    schema,
  }: { readonly path: string; readonly fields: string; readonly schema: z.ZodType<T> },
  context: CallContext,
): Promise<T> {
  try {
    const call = { method: 'GET', effect: 'reads', params: { fields } } as const;
    return (await client.request({ ...call, path, account, schema, context })).body;
  } catch (error) {
    return explainProof(client, account, error, context);
  }
}

/**
 * What is thrown instead of a refused proof of the app's secret: Meta refuses it of every token that another app has
 * issued, and then the secret may be right.
 */
async function explainProof(
  client: GraphClient,
  account: Account,
  error: unknown,
  context: CallContext,
): Promise<never> {
  const isProof = error instanceof PublishError && error.record.key === 'app_secret_wrong';
  const told = isProof ? await debugAccount(client, account, context) : null;
  throw told === 'foreign' ? ofAnotherApp(account) : error;
}

/** About the app: until that is put right, whatever else we were given of that app is refused as well. */
function ofAnotherApp({ appId }: Account): PublishError {
  const message = `The token was issued by another app than ${appId}, whose secret is configured here`;
  return refusalOf(generalErrors.otherApp, message);
}

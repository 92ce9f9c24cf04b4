import { InvalidRequestError, PublishError } from '../errors.ts';
import { bookRefusal, budgetKeyOf, requireRoom } from '../integrations/booking.ts';
import { bookCalls, giveBackCalls } from '../integrations/budget-store.ts';
import { isConnected } from '../integrations/store.ts';
import type { Account } from '../providers/account.ts';
import type { VerifiedAccount } from '../providers/connecting.ts';
import type { Provider } from '../providers/provider.ts';
import type { Services } from '../services.ts';

const refusalsPerHour = 60;

/** An account, with a token and the app that the token is said to be of. */
export interface Claim {
  readonly account: Account;
  /** As the row of its integration will have it. */
  readonly appId: string;
}

export interface Proof {
  readonly claim: Claim;
  readonly verified: VerifiedAccount;
}

/** Where the token came from, in the names of the request. */
interface Named {
  readonly token: string;
  readonly account: string;
}

/**
 * Proves at the provider that the token is the account's, trying one app after the other where it may be of several.
 * Throws what the token is refused for (422), LimitedError before the provider is asked when the tenant had too many
 * refusals, else what `verify` throws.
 */
export async function prove(
  { db }: Pick<Services, 'db'>,
  provider: Provider,
  tenantId: string,
  claims: readonly Claim[],
  named: Named,
): Promise<Proof> {
  await requireCalls(db, provider, tenantId, claims);
  const booked = await bookFailure(db, tenantId);
  let last: unknown;
  for (const claim of claims) {
    try {
      const proof = await proveOne(db, provider, claim, named);
      await giveBackCalls(db, booked);
      return proof;
    } catch (error) {
      last = error;
      if (!isOfAnotherApp(error)) break;
    }
  }
  throw last instanceof PublishError ? (refusalOf(last, named) ?? last) : last;
}

/**
 * Before a network is asked on behalf of a tenant for what it may refuse: whoever was not refused gives it back. Throws
 * LimitedError after too many in an hour.
 */
export function bookFailure(db: Services['db'], tenantId: string) {
  return bookRefusal(db, {
    budgetKey: `connect:${tenantId}`,
    limit: refusalsPerHour,
    text: `${refusalsPerHour} connections of this tenant failed within an hour.`,
  });
}

/** Invariant 6: calls with the token of an account that is known to be the tenant's wait for their turn like all others. */
async function requireCalls(
  db: Services['db'],
  provider: Provider,
  tenantId: string,
  claims: readonly Claim[],
): Promise<void> {
  for (const claim of claims) {
    const { externalAccountId } = claim.account;
    if (!(await isConnected(db, { tenantId, provider: provider.name, externalAccountId })))
      continue;
    const text = 'The calls that this account may make in an hour are spent or set aside.';
    await requireRoom(db, {
      budgetKey: keyOf(provider, claim),
      limit: provider.callsPerHour,
      text,
    });
  }
}

/**
 * The calls count for the account. But anybody may name an account: until the token has proven to be the account's, the
 * tenant answers for it alone.
 */
async function proveOne(
  db: Services['db'],
  provider: Provider,
  claim: Claim,
  named: Named,
): Promise<Proof> {
  let calls = 0;
  const onCall = () => void (calls += 1);
  const verified = await provider.connect.verify(claim.account, { onCall });
  if (verified.externalAccountId !== claim.account.externalAccountId) {
    const message = 'The token belongs to another account.';
    throw refusal(named.token, { code: 'token_rejected', message, rule: 'token_account' });
  }
  await bookCalls(db, [{ budgetKey: keyOf(provider, claim), calls }]);
  return { claim, verified };
}

function keyOf({ name }: Provider, { account, appId }: Claim): string {
  return budgetKeyOf({ provider: name, externalAccountId: account.externalAccountId, appId });
}

function isOfAnotherApp(error: unknown): boolean {
  return error instanceof PublishError && error.record.key === 'token_of_another_app';
}

function refusalOf({ record }: PublishError, named: Named): InvalidRequestError | undefined {
  const { key, message } = record;
  const refuse = (code: string, path = named.token) => refusal(path, { code, message, rule: key });
  if (key.endsWith('_id_malformed')) return refuse('invalid', named.account);
  if (toldApart.has(key)) return refuse(key);
  switch (record.class) {
    case 'permission':
      return refuse('permission_missing');
    case 'reauth':
    case 'blocked':
    case 'invalid':
      return refuse('token_rejected');
    case 'retry':
    case 'rate_limited':
    case 'duplicate':
    case 'not_ready':
    case 'unknown_outcome':
    case 'internal':
      return undefined;
  }
}

/** What is wrong with a token that has a code of its own. */
const toldApart = new Set(['token_is_user_token', 'token_of_another_app']);

function refusal(
  path: string,
  {
    code,
    message,
    rule,
  }: { readonly code: string; readonly message: string; readonly rule: string },
): InvalidRequestError {
  return new InvalidRequestError(422, code, message, [{ path, message, rule }]);
}

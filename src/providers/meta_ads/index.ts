import { z } from 'zod';
import { listAdAccounts } from '../../graph/assets.ts';
import type { GraphClient } from '../../graph/client.ts';
import { generalErrors } from '../../graph/codes.ts';
import { refusalOf } from '../../graph/errors.ts';
import {
  type FacebookDialog,
  facebookLogin,
  type Reach,
  unusableBecause,
} from '../../graph/facebook-login.ts';
import { inspectToken, proveToken, readAccount } from '../../graph/token.ts';
import { accountPath, idSchema, maybeNumber, maybeText } from '../../graph/wire.ts';
import type { Account, CallContext } from '../account.ts';
import type { Candidate, Connecting, Scope, Unusable, VerifiedAccount } from '../connecting.ts';
import type { Provider } from '../provider.ts';

/** Ad accounts, which a person's or a system user's own token reaches. Nothing is published there. */
export function createMetaAds(client: GraphClient, settings: FacebookDialog): Provider {
  return { name: 'meta_ads', callsPerHour: 200, connect: connecting(client, settings) };
}

function connecting(client: GraphClient, settings: FacebookDialog): Connecting {
  return {
    // The account, and what Meta knows of the token.
    verifyCalls: 2,
    verify: (account, context) => verify(client, account, context),
    inspect: (account, context) => inspectToken(client, account, context),
    tokensEnd: true,
    logins: [
      facebookLogin(client, settings, {
        apps: ['meta_ads', 'facebook'],
        scopes,
        optionalScopes: [],
        accounts,
      }),
    ],
  };
}

const scopes: readonly Scope[] = [
  { name: 'ads_management', why: 'create and change ads', isRequired: true },
  { name: 'ads_read', why: 'read ads and how they perform', isRequired: true },
  {
    name: 'business_management',
    why: 'list the ad accounts that belong to a business portfolio',
    isRequired: false,
  },
  { name: 'pages_show_list', why: 'list the Pages that ads can be made for', isRequired: false },
  {
    name: 'pages_read_engagement',
    why: 'read the posts that are to be promoted',
    isRequired: false,
  },
];
const neededScopes = scopes.flatMap(({ name, isRequired }) => (isRequired ? [name] : []));

const activeStatus = 1;
/** As Meta numbers them. */
const statuses = new Map([
  [2, 'disabled'],
  [3, 'unsettled'],
  [7, 'under risk review'],
  [8, 'waiting for settlement'],
  [9, 'in its grace period'],
  [100, 'about to be closed'],
  [101, 'closed'],
]);

async function accounts(reach: Reach): Promise<readonly Candidate[]> {
  const found = await listAdAccounts(reach, reach.withBusinesses);
  const { token } = reach;
  return found.map(({ id, name, status }) => ({
    externalAccountId: id,
    name,
    username: null,
    token,
    tasks: null,
    seen: {},
    reason:
      disabledBecause(status) ?? unusableBecause({ token, tasks: null, ids: [id] }, reach, scopes),
  }));
}

/** A status that is not told counts as active: what Meta refuses then says why. */
function disabledBecause(status: number | null): Unusable | null {
  if (status === null || status === activeStatus) return null;
  const { key: code, who, action } = generalErrors.adAccountDisabled;
  return { code, who, text: `The ad account is ${wordOf(status)}. ${action}` };
}

function wordOf(status: number): string {
  return statuses.get(status) ?? `not active (status ${status})`;
}

const answer = z.looseObject({
  account_id: idSchema,
  name: maybeText,
  account_status: maybeNumber,
});

async function verify(
  client: GraphClient,
  account: Account,
  context: CallContext,
): Promise<VerifiedAccount> {
  const path = accountPath(account.externalAccountId, 'act_');
  const asked = { path, fields: 'account_id,name,account_status', schema: answer };
  const self = await readAccount(client, account, asked, context);
  const facts = await proveToken(client, account, neededScopes, context);
  const { account_id: id, name, account_status: status } = self;
  if (status !== null && status !== activeStatus) {
    throw refusalOf(generalErrors.adAccountDisabled, `The ad account is ${wordOf(status)}`);
  }
  return { externalAccountId: id, name, username: null, facts, tasks: null, seen: {} };
}

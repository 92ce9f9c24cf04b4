import { z } from 'zod';
import type { PublishError } from '../../errors.ts';
import { listPages } from '../../graph/assets.ts';
import type { GraphClient } from '../../graph/client.ts';
import { generalErrors } from '../../graph/codes.ts';
import { refusalOf } from '../../graph/errors.ts';
import {
  createsContent,
  type FacebookDialog,
  facebookLogin,
  namedIds,
  type Reach,
  unusableBecause,
} from '../../graph/facebook-login.ts';
import { inspectToken, proveToken, readAccount } from '../../graph/token.ts';
import { idSchema } from '../../graph/wire.ts';
import type { Account, CallContext } from '../account.ts';
import type { Candidate, Connecting, Scope, VerifiedAccount } from '../connecting.ts';
import { tryLists } from './find.ts';
import { nodePath } from './wire.ts';

const scopes: readonly Scope[] = [
  { name: 'pages_show_list', why: 'list the Pages that you can connect', isRequired: true },
  { name: 'pages_manage_posts', why: 'create, change and delete posts', isRequired: true },
  { name: 'pages_read_engagement', why: 'read the posts that it made', isRequired: true },
  {
    name: 'pages_read_user_content',
    why: 'read comments, and the lists of posts that hold them',
    isRequired: false,
  },
  {
    name: 'pages_manage_metadata',
    why: 'be told by Facebook when a post or a permission changes',
    isRequired: false,
  },
  { name: 'pages_manage_engagement', why: 'write the first comment', isRequired: false },
  { name: 'read_insights', why: 'show how posts perform', isRequired: false },
  {
    name: 'business_management',
    why: 'list the Pages that belong to a business portfolio',
    isRequired: false,
  },
];
const optionalScopes: readonly Scope[] = [
  { name: 'pages_messaging', why: 'read and answer messages to the Page', isRequired: false },
  { name: 'leads_retrieval', why: 'collect what people enter in lead forms', isRequired: false },
];

/** A Page, by its own token. */
export function connecting(client: GraphClient, dialog: FacebookDialog): Connecting {
  return {
    // Whose it is, what Meta knows of it, and the three lists.
    verifyCalls: 5,
    verify: (account, context) => verify(client, account, context),
    inspect: (account, context) => inspectToken(client, account, context),
    logins: [
      facebookLogin(client, dialog, { apps: ['facebook'], scopes, optionalScopes, accounts }),
    ],
  };
}

async function accounts(reach: Reach): Promise<readonly Candidate[]> {
  const { withBusinesses } = reach;
  const pages = await listPages(reach, { named: namedIds(reach, 'pages_'), withBusinesses });
  return pages.map(({ id, name, token, tasks }) => ({
    externalAccountId: id,
    name,
    username: null,
    token,
    tasks,
    seen: createsContent(tasks) === true ? { creates_content: 'yes' } : {},
    reason: unusableBecause({ token, tasks, ids: [id] }, reach, scopes),
  }));
}

const me = z.looseObject({ id: idSchema, name: z.string().nullish() });

/** What posting and its proof rest on: the Page need not show on any list for it. */
const neededScopes = ['pages_manage_posts', 'pages_read_engagement'];

/** Proves that the token is the Page's own, may read its posts and, where we can ask, may write them. */
async function verify(
  client: GraphClient,
  account: Account,
  context: CallContext,
): Promise<VerifiedAccount> {
  const { externalAccountId: id } = account;
  // Refuses what is no id of a Page before anything is called.
  nodePath(id);
  const asked = { path: '/me', fields: 'id,name', schema: me };
  const self = await readAccount(client, account, asked, context);
  // `me` is whom the token stands for: the Page with its own token, a person with a user token.
  if (self.id !== id) throw notThePage(self.id);
  const facts = await proveToken(client, account, neededScopes, context);
  const seen = await tryLists(client, account, context);
  const { name = null } = self;
  return { externalAccountId: id, name, username: null, facts, tasks: null, seen };
}

function notThePage(id: string): PublishError {
  const message = `The token stands for ${id} and not for the Page: it is the token of a person or of another Page`;
  return refusalOf(generalErrors.userToken, message);
}

import { listPages } from '../../graph/assets.ts';
import {
  createsContent,
  type FacebookDialog,
  facebookLogin,
  namedIds,
  type Reach,
  unusableBecause,
} from '../../graph/facebook-login.ts';
import { inspectToken } from '../../graph/token.ts';
import type { Candidate, Connecting, Scope } from '../connecting.ts';
import type { Provider } from '../provider.ts';
import { type InstagramClients, instagramLogin } from './login.ts';
import { inspectOwn, verifyLinked, verifyOwn } from './verify.ts';

/** What the environment says about Instagram. */
export interface InstagramSettings extends FacebookDialog {
  /** Of Instagram's dialog, without a slash at its end; Instagram's own unless it is said. */
  readonly instagramWebsiteUrl?: string;
  /** 200 unless it is said. */
  readonly instagramCallsPerHour?: number;
}

/** Professional accounts, by their own login or through the Page that they are linked to. */
export function createInstagram(clients: InstagramClients, settings: InstagramSettings): Provider {
  return {
    name: 'instagram',
    callsPerHour: settings.instagramCallsPerHour ?? 200,
    connect: connecting(clients, settings),
  };
}

function connecting(clients: InstagramClients, settings: InstagramSettings): Connecting {
  const { facebook } = clients;
  return {
    // The account, and what Meta knows of its token.
    verifyCalls: 2,
    verify: (account, context) =>
      account.login === 'instagram'
        ? verifyOwn(clients.instagram, account, context)
        : verifyLinked(facebook, account, context),
    inspect: (account, context) =>
      account.login === 'instagram'
        ? inspectOwn(clients.instagram, account, context)
        : inspectToken(facebook, account, context),
    tokensEnd: true,
    logins: [
      instagramLogin(clients, settings.instagramWebsiteUrl),
      facebookLogin(facebook, settings, {
        apps: ['facebook'],
        scopes,
        optionalScopes,
        accounts: linkedAccounts,
      }),
    ],
  };
}

/** Through the Page. */
const scopes: readonly Scope[] = [
  { name: 'instagram_basic', why: 'see the account and its posts', isRequired: true },
  { name: 'instagram_content_publish', why: 'publish to the account', isRequired: true },
  {
    name: 'pages_show_list',
    why: 'list the Pages whose Instagram accounts you can connect',
    isRequired: true,
  },
  {
    name: 'pages_read_engagement',
    why: 'read which Instagram account a Page is linked to',
    isRequired: true,
  },
  {
    name: 'business_management',
    why: 'list the Pages that belong to a business portfolio',
    isRequired: false,
  },
  { name: 'instagram_manage_comments', why: 'write the first comment', isRequired: false },
  { name: 'instagram_manage_insights', why: 'show how posts perform', isRequired: false },
];
const optionalScopes: readonly Scope[] = [
  {
    name: 'instagram_manage_messages',
    why: 'read and answer messages to the account',
    isRequired: false,
  },
];

async function linkedAccounts(reach: Reach): Promise<readonly Candidate[]> {
  const { withBusinesses } = reach;
  const named = namedIds(reach, 'pages_');
  const fields = 'instagram_business_account{id,username,name}';
  const pages = await listPages(reach, { fields, named, withBusinesses });
  return pages.flatMap(({ id: pageId, token, tasks, instagram }) => {
    if (instagram === null) return [];
    const { id, name, username } = instagram;
    return {
      externalAccountId: id,
      name,
      username,
      token,
      tasks,
      seen: createsContent(tasks) === true ? { creates_content: 'yes' as const } : {},
      reason: unusableBecause({ token, tasks, ids: [id, pageId] }, reach, scopes),
    };
  });
}

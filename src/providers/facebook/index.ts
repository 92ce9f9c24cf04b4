import type { GraphClient, GraphSettings } from '../../graph/client.ts';
import { errorTexts } from '../../graph/codes.ts';
import type { ErrorText, Provider, Publishing } from '../provider.ts';
import { list, postOfMedium, showsLink, skeletonOf, textKeyOf } from './find.ts';
import { change, deletePost, isReadable, readPost, unstage } from './manage.ts';
import { create, preview, publish, reveal, stage } from './publish.ts';
import { rules } from './rules.ts';
import { verify } from './verify.ts';
import { handoverWindow } from './wire.ts';

/** What every provider is built from: where Meta's hosts are, how long a call may take, where to log. */
export interface ProviderSettings extends GraphSettings {
  /** Where people look at posts, without a slash at its end; Facebook's own website unless it is said. */
  readonly websiteUrl?: string;
  /** 200 unless it is said. */
  readonly facebookCallsPerHour?: number;
  /** Two unless it is said. */
  readonly facebookSteps?: 'two' | 'one';
  /** How long before its time a post is prepared; not at all unless it is said. */
  readonly prepareAheadMs?: number;
}

type Settings = Omit<ProviderSettings, keyof GraphSettings>;

/** Posts on a Facebook Page: text, link or photos, as a draft, by Facebook's scheduler, or public at once. */
export function createFacebook(
  client: GraphClient,
  settings: Settings = {},
): Provider & { readonly publishing: Publishing } {
  const callsPerHour = settings.facebookCallsPerHour ?? 200;
  return {
    name: 'facebook',
    callsPerHour,
    connect: {
      verifyCalls: 3,
      verify: (account, context) => verify(client, account, context),
      inspect: async () => null,
      logins: [],
    },
    publishing: publishingOf(client, callsPerHour, settings),
  };
}

function publishingOf(client: GraphClient, callsPerHour: number, settings: Settings): Publishing {
  const { websiteUrl = 'https://www.facebook.com', facebookSteps, prepareAheadMs = 0 } = settings;
  return {
    name: 'facebook',
    callsPerHour,
    modes: ['draft', 'schedule', 'publish'],
    // A draft is made for the Page's people to see: there is nothing to reveal.
    hidden: facebookSteps === 'one' ? [] : ['schedule', 'publish'],
    prepareAheadMs,
    rules,
    errors,
    handoverWindow,
    // Facebook drops photos that no post uses after about a day.
    stagedLivesMs: 20 * 3_600_000,
    lookCalls: 3,
    // Each photo is staged by a call of its own; the post itself is one more.
    callsFor: (content) => content.media.length + 1,
    stage: (request, context) => stage(client, request, context),
    unstage: (request, context) => unstage(client, request, context),
    create: (request, context) => create(client, request, context),
    reveal: (request, context) => reveal(client, request, context),
    publish: (request, context) => publish(client, request, context),
    read: (request, context) => readPost(client, request, context),
    list: (request, context) => list(client, request, context),
    postOfMedium: (request, context) => postOfMedium(client, request, context),
    textKeyOf,
    skeletonOf,
    showsLink,
    preview,
    change: (request, context) => change(client, request, context),
    delete: (request, context) => deletePost(client, request, context),
    isReadable: (account, context) => isReadable(client, account, context),
    isPostOf: (pageId, externalId) => new RegExp(`^${pageId}_\\d+$`).test(externalId),
    // Leads to the post whatever its permalink is (Meta's posts guide).
    publishUrl: (externalId) => `${websiteUrl}/${externalId}`,
  };
}

/** Those of Meta's table, and what we find out ourselves about a token or an id before Meta is asked. */
const errors: readonly ErrorText[] = [
  ...errorTexts(),
  {
    key: 'token_invalid',
    meaning: 'Meta says that the token is not valid.',
    action: 'Connect the Page again with a new token.',
  },
  {
    key: 'scope_missing',
    meaning: 'The token may not publish on this Page.',
    action: 'Connect the Page again, and grant the permission that `message` names.',
  },
  {
    key: 'token_is_user_token',
    meaning: 'The token is one of a person or of another Page, not the one of this Page.',
    action: 'Take the Page access token of this Page (me/accounts lists it), not the user token.',
  },
  {
    key: 'facebook_id_malformed',
    meaning: 'The id of the Page or post is not one that Facebook uses: digits only.',
    action: 'Connect the Page with its numeric id.',
  },
];

import type { GraphClient } from '../../graph/client.ts';
import { errorTexts } from '../../graph/codes.ts';
import { type FacebookDialog, facebookWebsite } from '../../graph/facebook-login.ts';
import type { ErrorText, Provider, Publishing } from '../provider.ts';
import { connecting } from './connect.ts';
import { list, postOfMedium, showsLink, skeletonOf, textKeyOf } from './find.ts';
import { change, deletePost, isReadable, readPost, unstage } from './manage.ts';
import { create, preview, publish, reveal, stage } from './publish.ts';
import { rules } from './rules.ts';
import { handoverWindow } from './wire.ts';

/** What the environment says about Facebook. */
export interface FacebookSettings extends FacebookDialog {
  /** 200 unless it is said. */
  readonly facebookCallsPerHour?: number;
  /** Two unless it is said. */
  readonly facebookSteps?: 'two' | 'one';
  /** How long before its time a post is prepared; not at all unless it is said. */
  readonly prepareAheadMs?: number;
}

/** Posts on a Facebook Page: text, link or photos, as a draft, by Facebook's scheduler, or public at once. */
export function createFacebook(
  client: GraphClient,
  settings: FacebookSettings,
): Provider & { readonly publishing: Publishing } {
  const callsPerHour = settings.facebookCallsPerHour ?? 200;
  return {
    name: 'facebook',
    callsPerHour,
    connect: connecting(client, settings),
    publishing: publishingOf(client, callsPerHour, settings),
  };
}

function publishingOf(
  client: GraphClient,
  callsPerHour: number,
  settings: FacebookSettings,
): Publishing {
  const { websiteUrl = facebookWebsite, facebookSteps, prepareAheadMs = 0 } = settings;
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

/** Those of Meta's table, and what we find out ourselves about an id before Meta is asked. */
const errors: readonly ErrorText[] = [
  ...errorTexts(),
  {
    key: 'facebook_id_malformed',
    meaning: 'The id of the Page or post is not one that Facebook uses: digits only.',
    action: 'Connect the Page with its numeric id.',
  },
];

import type { GraphClient } from '../../graph/client.ts';
import type { Provider } from '../provider.ts';
import { change, deletePost, isReadable } from './change.ts';
import { errors } from './errors.ts';
import { isAlike, listPosts, textKeyOf } from './listing.ts';
import { look } from './look.ts';
import { preview } from './preview.ts';
import { publish } from './publish.ts';
import { readBack } from './read-back.ts';
import { rules } from './rules.ts';
import { stage } from './stage.ts';
import { unstage } from './unstage.ts';
import { verify } from './verify.ts';
import { handoverWindow } from './window.ts';

/** Posts on a Facebook Page: text, link or photos, as a draft, by Facebook's scheduler, or public at once. */
export function createFacebook(
  client: GraphClient,
  websiteUrl = 'https://www.facebook.com',
): Provider {
  return {
    name: 'facebook',
    modes: ['draft', 'schedule', 'publish'],
    rules,
    errors,
    handoverWindow,
    // Each photo is staged by a call of its own; the post itself is one more.
    callsFor: (content) => content.media.length + 1,
    lookCalls: 3,
    stage: (request, context) => stage(client, request, context),
    publish: (request, context) => publish(client, request, context),
    look: (request, context) => look(client, request, context),
    listPosts: (request, context) => listPosts(client, request, context),
    textKeyOf,
    isAlike,
    preview,
    readBack: (request, context) => readBack(client, request, context),
    change: (request, context) => change(client, request, context),
    delete: (request, context) => deletePost(client, request, context),
    isReadable: (account, context) => isReadable(client, account, context),
    verify: (account, context) => verify(client, account, context),
    unstage: (request, context) => unstage(client, request, context),
    isPostOf: (pageId, externalId) => new RegExp(`^${pageId}_\\d+$`).test(externalId),
    // Leads to the post whatever its permalink is (Meta's posts guide).
    publishUrl: (externalId) => `${websiteUrl}/${externalId}`,
  };
}

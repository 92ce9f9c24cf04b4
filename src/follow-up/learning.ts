import { Counter } from 'prom-client';
import { lookIncomplete } from '../attempts/search.ts';
import { PublishError } from '../errors.ts';
import { openAccount } from '../integrations/account.ts';
import { budgetKeyOf, reserveRead } from '../integrations/booking.ts';
import { callContext, noteFailure } from '../integrations/call.ts';
import { learn } from '../integrations/store.ts';
import {
  type Capabilities,
  listingOf,
  readCapabilities,
  readingOf,
  type Seen,
} from '../providers/capabilities.ts';
import type { PublishMode } from '../providers/content.ts';
import type { Publishing, RemotePost } from '../providers/provider.ts';
import type { Services } from '../services.ts';
import type { HeldRow } from './store.ts';

const marginMs = 10 * 60_000;
const askAgainAfterMs = 3_600_000;

const texts = new Counter({
  name: 'social_publisher_texts_read_back_total',
  help: 'Texts read back after they were sent, by what became of them: same, alike (but for blanks, mentions and the like), other.',
  labelNames: ['provider', 'kept'],
});

/**
 * What the first sight of a confirmed post teaches about its network: whether the text is kept as it was sent, and
 * whether the list of its kind shows it, without which no look at that list can prove that a post is absent.
 */
export async function learnFrom(
  services: Services,
  row: HeldRow,
  provider: Publishing,
  seen: RemotePost,
): Promise<void> {
  const known = readCapabilities(row.capabilities);
  const learned = {
    ...learnText(row, provider, seen, known),
    ...(await learnList(services, row, provider, seen, known)),
  };
  if (Object.keys(learned).length > 0) await learn(services.db, row.integrationId, learned);
}

/** One text that is kept says little of the next one; one that is not says all. */
function learnText(
  { sentMessage, provider: name }: HeldRow,
  provider: Publishing,
  { message }: RemotePost,
  known: Capabilities,
): Seen {
  if (sentMessage === null) return {};
  const isSame = provider.textKeyOf(sentMessage) === provider.textKeyOf(message);
  const isAlike = provider.skeletonOf(sentMessage) === provider.skeletonOf(message);
  texts.inc({ provider: name, kept: isSame ? 'same' : isAlike ? 'alike' : 'other' });
  const hasMention = provider.skeletonOf(sentMessage).includes('*');
  const capability = hasMention ? 'mentions_as_sent' : 'text_as_sent';
  if (isSame && known[capability] !== undefined) return {};
  return { [capability]: isSame ? 'yes' : 'no' };
}

/** Reads the list once, at the first post of its kind. */
async function learnList(
  services: Services,
  row: HeldRow,
  provider: Publishing,
  seen: RemotePost,
  known: Capabilities,
): Promise<Seen> {
  const mode = modeOf(seen);
  const before = known[listingOf[mode]];
  const isFresh =
    before !== undefined && Date.parse(before.seen_at) > row.now.getTime() - askAgainAfterMs;
  if (before?.value === 'yes' || isFresh) return {};
  const limit = provider.callsPerHour;
  const beforeRead = async () => {
    if (!(await reserveRead(services.db, budgetKeyOf(row), limit))) throw lookIncomplete();
  };
  const context = { ...callContext(services, row, () => undefined), beforeRead };
  try {
    const account = openAccount(row, services.vault, services.config);
    const since = new Date(row.madeAt.getTime() - marginMs);
    const { posts, lists } = await provider.list({ account, since, modes: [mode] }, context);
    if (posts.some(({ externalId }) => externalId === row.externalId)) {
      return { [listingOf[mode]]: 'yes', [readingOf[mode]]: 'yes' };
    }
    const [list] = lists;
    if (list?.seen === 'forbidden') return { [readingOf[mode]]: 'no' };
    return list?.seen === 'whole' ? { [listingOf[mode]]: 'no' } : {};
  } catch (error) {
    if (!(error instanceof PublishError)) throw error;
    await noteFailure(services, row, error, row.now);
    return {};
  }
}

function modeOf({ isPublished, scheduledAt }: RemotePost): PublishMode {
  if (isPublished) return 'publish';
  return scheduledAt === null ? 'draft' : 'schedule';
}

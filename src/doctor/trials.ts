import { setTimeout as delay } from 'node:timers/promises';
import { type ErrorClass, PublishError } from '../errors.ts';
import type { Account, CallContext } from '../providers/account.ts';
import {
  type CapabilityName,
  type CapabilityValue,
  listingOf,
  readingOf,
} from '../providers/capabilities.ts';
import { type PostContent, publishModes } from '../providers/content.ts';
import type { ListedPost, Listing, Publishing, RemotePost } from '../providers/provider.ts';

export interface Trials {
  /** An address that the network can fetch an image from; null: photos are not tried. */
  readonly photoUrl: string | null;
  readonly link: string;
}

/** How far one list was seen, and which of the trials it shows. */
export interface SeenTrials {
  readonly list: string;
  readonly seen: string;
  readonly shows: readonly string[];
}

export interface KeptText {
  readonly sent: string | null;
  readonly shown: string | null;
}

/** One examination under way. */
export interface Exam {
  readonly provider: Publishing;
  readonly account: Account;
  readonly context: CallContext;
  readonly trials: Trials;
  readonly startedAt: Date;
  /** In every text, so that what was made by a call without an answer is found. */
  readonly mark: string;
  /** What each post of the trials is, by its id. */
  readonly made: Map<string, string>;
  readonly staged: Set<string>;
  readonly values: Map<CapabilityName, CapabilityValue>;
  readonly notes: Map<CapabilityName, string>;
  readonly texts: KeptText[];
  readonly lists: SeenTrials[];
}

const dayMs = 86_400_000;
/** Far enough that a trial which could not be deleted is found before. */
const scheduledInMs = 20 * dayMs;
const lookAgainAfterMs = 1_500;

/** Everything that is made is noted before the next call. Throws what ends all trials: a dead account, a limit. */
export async function tryAll(exam: Exam): Promise<void> {
  const text = await tryText(exam);
  const link = await tryLink(exam);
  await tryPhotos(exam);
  await tryDraft(exam);
  if (text !== null) await trySchedule(exam, text);
  await tryLists(exam, { scheduled: text, link });
}

/** Line breaks, blanks, what nobody sees, letters in two parts, a picture with its selector. */
function awkward(mark: string): string {
  return `Social Publisher, ${mark}: nobody sees this.\r\n\r\n\r\n\r\nTwo  blanks, a hard\u00a0one, a\u200bb, Cafe\u0301, \u2600\ufe0f \nend `;
}

async function tryText(exam: Exam): Promise<string | null> {
  const message = awkward(exam.mark);
  const made = await tryHidden(exam, 'hidden_text', { message, link: null, media: [] }, []);
  if (made?.read) judgeText(exam, 'text_as_sent', message, made.read);
  return made?.externalId ?? null;
}

/** Its text mentions the account itself. */
async function tryLink(exam: Exam): Promise<string | null> {
  const message = `By @[${exam.account.externalAccountId}], ${exam.mark}`;
  const { link } = exam.trials;
  const made = await tryHidden(exam, 'hidden_link', { message, link, media: [] }, []);
  if (made?.read) judgeText(exam, 'mentions_as_sent', message, made.read);
  return made?.externalId ?? null;
}

async function tryPhotos(exam: Exam): Promise<void> {
  const { photoUrl } = exam.trials;
  if (photoUrl === null) {
    for (const name of ['hidden_photos', 'photo_reuse'] as const) {
      exam.notes.set(name, 'not tried: give an image with --photo');
    }
    return;
  }
  await step(exam, 'hidden_photos', async () => {
    const medium = { type: 'image', url: photoUrl } as const;
    const { provider, account, context } = exam;
    const staged = await provider.stage({ account, medium, index: 0, mode: 'publish' }, context);
    exam.staged.add(staged.id);
    const content = { message: `A photo, ${exam.mark}`, link: null, media: [medium] };
    if ((await tryHidden(exam, 'hidden_photos', content, [staged])) === null) return;
    await step(exam, 'photo_reuse', async () => {
      const again = { ...content, message: `The same photo, ${exam.mark}` };
      await create(exam, 'a second post of the photo', again, [staged]);
      found(exam, 'photo_reuse', true, 'a second post took the same photo');
    });
  });
}

type Staged = Parameters<Publishing['create']>[0]['staged'];

async function create(
  exam: Exam,
  what: string,
  content: PostContent,
  staged: Staged,
): Promise<string> {
  const { provider, account, context } = exam;
  const { externalId } = await provider.create({ account, content, staged }, context);
  exam.made.set(externalId, what);
  return externalId;
}

/** Made hidden, and read back: is it? One that is not is deleted at once. */
async function tryHidden(
  exam: Exam,
  name: 'hidden_text' | 'hidden_link' | 'hidden_photos',
  content: PostContent,
  staged: Staged,
): Promise<{ readonly externalId: string; readonly read: RemotePost | null } | null> {
  return step(exam, name, async () => {
    const externalId = await create(exam, name.replace('_', ' '), content, staged);
    const read = await readSoon(exam, externalId);
    if (read === null) {
      exam.notes.set(name, 'it could not be read so soon after it was made');
      return { externalId, read };
    }
    const note = read.isPublished ? 'IT WAS PUBLIC, and was deleted at once' : 'it stayed hidden';
    found(exam, name, !read.isPublished, note);
    if (!read.isPublished) return { externalId, read };
    await remove(exam, externalId);
    return null;
  });
}

/** Meta says of young posts that they do not exist. */
async function readSoon(
  { provider, account, context }: Exam,
  externalId: string,
): Promise<RemotePost | null> {
  const read = await provider.read({ account, externalId }, context);
  if (read !== null) return read;
  await delay(lookAgainAfterMs);
  return provider.read({ account, externalId }, context);
}

function judgeText(
  exam: Exam,
  name: 'text_as_sent' | 'mentions_as_sent',
  sent: string,
  { message: shown }: RemotePost,
): void {
  const { provider } = exam;
  exam.texts.push({ sent, shown });
  const isSame = provider.textKeyOf(sent) === provider.textKeyOf(shown);
  const isAlike = provider.skeletonOf(sent) === provider.skeletonOf(shown);
  const changed = isAlike ? 'blanks and marks were changed' : 'the text was changed';
  found(exam, name, isSame, isSame ? 'as it was sent' : changed);
}

/** The one trial that the account's own people see, until it is deleted again. */
async function tryDraft(exam: Exam): Promise<void> {
  const { provider, account, context, mark } = exam;
  if (!provider.modes.includes('draft')) return;
  await step(exam, 'lists_drafts', async () => {
    const content = { message: `A draft, ${mark}`, link: null, media: [] };
    const request = { account, content, staged: [], mode: 'draft', scheduledAt: null } as const;
    const { externalId } = await provider.publish(request, context);
    exam.made.set(externalId, 'draft');
  });
}

async function trySchedule(exam: Exam, externalId: string): Promise<void> {
  const { provider, account, context, startedAt } = exam;
  if (provider.handoverWindow === null) return;
  await step(exam, 'schedule_hidden', async () => {
    const scheduledAt = new Date(Math.round((startedAt.getTime() + scheduledInMs) / 1000) * 1000);
    await provider.reveal({ account, externalId, scheduledAt }, context);
    const read = await readSoon(exam, externalId);
    const isHeld =
      read?.isPublished === false && read.scheduledAt?.getTime() === scheduledAt.getTime();
    const shown = read?.isPublished
      ? 'IT WAS PUBLIC'
      : `it gives back ${read?.scheduledAt?.toISOString() ?? 'no time'}`;
    found(exam, 'schedule_hidden', isHeld, shown);
    if (read?.isPublished === true) await remove(exam, externalId);
  });
}

async function tryLists(
  exam: Exam,
  ids: { readonly scheduled: string | null; readonly link: string | null },
): Promise<void> {
  await step(exam, 'lists_in_order', async () => {
    const { provider, account, context, startedAt } = exam;
    const since = new Date(startedAt.getTime() - 600_000);
    const listing = await provider.list({ account, since, modes: publishModes }, context);
    for (const { externalId } of marked(exam, listing)) {
      if (!exam.made.has(externalId)) exam.made.set(externalId, 'made by a call without an answer');
    }
    // One list after the other: a post that is on two is told once, so each is asked alone for what it shows.
    judgeOrder(exam, listing);
    for (const { mode, seen } of listing.lists) {
      if (seen === 'whole' || seen === 'cut') found(exam, readingOf[mode], true, 'it was read');
      if (seen === 'forbidden') found(exam, readingOf[mode], false, 'the token may not read it');
      const shown = shownOn(mode, listing.posts, exam);
      exam.lists.push({
        list: mode,
        seen,
        shows: shown.map(({ externalId }) => exam.made.get(externalId) ?? '?'),
      });
    }
    judgeListed(exam, listing, 'draft', idOf(exam, 'draft'));
    const isHeld = exam.values.get('schedule_hidden') === 'yes';
    judgeListed(exam, listing, 'schedule', isHeld ? ids.scheduled : null);
    judgeShown(exam, listing, ids.link);
  });
}

function marked({ mark, made }: Exam, { posts }: Listing): readonly ListedPost[] {
  return posts.filter(({ message, externalId }) => message?.includes(mark) || made.has(externalId));
}

function shownOn(
  mode: 'draft' | 'schedule' | 'publish',
  posts: readonly ListedPost[],
  { made }: Exam,
): readonly ListedPost[] {
  return posts.filter(({ externalId, isPublished, scheduledAt }) => {
    const of = isPublished ? 'publish' : scheduledAt === null ? 'draft' : 'schedule';
    return made.has(externalId) && of === mode;
  });
}

function judgeOrder(exam: Exam, { lists }: Listing): void {
  const told = lists.flatMap(({ isNewestFirst }) =>
    isNewestFirst === null ? [] : [isNewestFirst],
  );
  if (told.length === 0) exam.notes.set('lists_in_order', 'too few posts to tell');
  else found(exam, 'lists_in_order', told.every(Boolean), `of ${told.length} lists that tell`);
}

function judgeListed(
  exam: Exam,
  { posts, lists }: Listing,
  mode: 'draft' | 'schedule',
  externalId: string | null,
): void {
  const name = listingOf[mode];
  if (externalId === null) return;
  const isThere = posts.some((post) => post.externalId === externalId);
  const isWhole = lists.some((list) => list.mode === mode && list.seen === 'whole');
  if (isThere) found(exam, name, true, 'it shows the trial');
  else if (isWhole) found(exam, name, false, 'it does not show the trial');
  else exam.notes.set(name, 'the list could not be read to its end');
}

function judgeShown(exam: Exam, { posts }: Listing, linkId: string | null): void {
  const { provider, trials, staged } = exam;
  const link = posts.find(({ externalId }) => externalId === linkId);
  const photo = posts.find(({ externalId }) => exam.made.get(externalId) === 'hidden photos');
  if (link?.mediaState === 'known') {
    found(exam, 'link_as_sent', provider.showsLink(link, trials.link), link.links.join(' '));
  }
  const told = [link, photo].flatMap((post) => post ?? []);
  if (told.length === 0) return;
  const isTold = told.every(({ mediaState }) => mediaState === 'known');
  const hasPhoto = photo === undefined || photo.mediaIds.some((id) => staged.has(id));
  found(
    exam,
    'attachments_at_once',
    isTold && hasPhoto,
    told.map(({ mediaState }) => mediaState).join(', '),
  );
}

function idOf({ made }: Exam, wanted: string): string | null {
  return [...made].find(([, what]) => what === wanted)?.[0] ?? null;
}

function found(exam: Exam, name: CapabilityName, isSo: boolean, note: string): void {
  exam.values.set(name, isSo ? 'yes' : 'no');
  exam.notes.set(name, note);
}

const proofs: ReadonlySet<ErrorClass> = new Set([
  'invalid',
  'not_ready',
  'duplicate',
  'permission',
]);
const ends: ReadonlySet<ErrorClass> = new Set(['reauth', 'rate_limited', 'blocked']);

/** One trial that is refused says something of itself alone; a dead account or a limit ends them all. */
async function step<T>(
  exam: Exam,
  name: CapabilityName,
  work: () => Promise<T>,
): Promise<T | null> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof PublishError)) throw error;
    const { class: kind, message, provider_code: code } = error.record;
    const note = `refused: ${code === null ? '' : `(#${code}) `}${message}`;
    if (ends.has(kind)) {
      exam.notes.set(name, note);
      throw error;
    }
    if (proofs.has(kind) && isTrial(name)) found(exam, name, false, note);
    else exam.notes.set(name, note);
    return null;
  }
}

/** What a refusal of the very call answers; of lists and texts it says nothing. */
function isTrial(name: CapabilityName): boolean {
  return name === 'schedule_hidden' || name === 'photo_reuse';
}

/** False: it is still there. */
export async function remove(exam: Exam, externalId: string): Promise<boolean> {
  const { provider, account, context } = exam;
  try {
    await provider.delete({ account, externalId }, context);
    exam.made.delete(externalId);
    return true;
  } catch (error) {
    if (error instanceof PublishError) return false;
    throw error;
  }
}

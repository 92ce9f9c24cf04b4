import { contentHash, type LookEntry } from '../attempts/attempt.ts';
import type { Finding, Planned } from '../attempts/match.ts';
import type { Attention, Evidence, PostStatus, Waiting } from '../posts/post.ts';
import type { PostFields } from '../posts/store.ts';
import type { ListedPost, Publishing } from '../providers/provider.ts';
import type { Discovery, SuspectRow } from './suspects-store.ts';

/** A row that may have been sent, with what is needed to look for it. */
export interface UnknownPost {
  readonly row: SuspectRow;
  readonly suspect: Planned;
}

export interface DiscoveryContext {
  readonly provider: Pick<Publishing, 'publishUrl'>;
  readonly budgetKey: string;
  /** From then on our rows may lack what was sent. */
  readonly since: Date;
  readonly seenAt: Date;
}

const readBackInMs = 60_000;
/** Nobody waits for these: their author decides anew before anything is sent. */
const unapproved: ReadonlySet<PostStatus> = new Set(['draft', 'in_review']);
const onTheirWay: ReadonlySet<PostStatus> = new Set(['approved', 'queued', 'publishing']);

/** What is written of a finding; null where the post stays as it is. */
export function discover(
  one: UnknownPost,
  finding: Finding,
  scene: DiscoveryContext,
): Discovery | null {
  switch (finding.kind) {
    case 'bound':
      return bind(one, finding.listed, scene);
    case 'unclear':
    case 'ambiguous': {
      if (unapproved.has(one.row.status)) return null;
      const text =
        'Since the database was restored or moved, a post like this one is on the page, but it is not certain that it is this one. Look at the page: is it there?';
      const attention: Attention = {
        reason: 'restored_ambiguous',
        since: scene.seenAt.toISOString(),
        text,
        who: 'author',
        evidence: finding.candidates.map((post) => evidenceOf(post, scene)),
        choices: ['resolve_live', 'resolve_absent'],
      };
      const look = lookEntry(finding.candidates, scene, 'it is not certain which one it is');
      return suspend(one, scene, { attention, waiting: null }, [look], null);
    }
    case 'absent':
      return null;
  }
}

/** Of an account that could not be looked at: nothing is sent until a look of the ordinary kind was possible. */
export function discoverNothing(one: UnknownPost, scene: DiscoveryContext): Discovery | null {
  if (!onTheirWay.has(one.row.status)) return null;
  const text =
    'The database was restored or moved, and the account could not be read: whether this post went out is looked for as soon as that is possible.';
  const waiting: Waiting = { reason: 'reconcile', until: null, text };
  return suspend(one, scene, { attention: null, waiting }, [], 0);
}

function bind(
  { row, suspect }: UnknownPost,
  listed: ListedPost,
  scene: DiscoveryContext,
): Discovery {
  const to = statusOf(listed);
  const mode = modes[to];
  const liveAt = listed.isPublished ? listed.createdAt : null;
  const late =
    liveAt === null || suspect.scheduledAt === null
      ? {}
      : { latenessMs: liveAt.getTime() - suspect.scheduledAt.getTime() };
  const set: PostFields = {
    effectiveMode: mode,
    externalId: listed.externalId,
    publishUrl: listed.url ?? scene.provider.publishUrl(listed.externalId),
    verifyInMs: readBackInMs,
    error: null,
    attention: null,
    waiting: null,
    nextRunAt: null,
    leaseMs: null,
    ...(liveAt === null ? {} : { publishedAt: liveAt, ...late }),
  };
  const { id, version, status } = row;
  return {
    post: { id, version, from: [status], to, set },
    attempt: {
      ...attemptOf({ row, suspect }, scene),
      state: 'confirmed',
      mode,
      sentAt: listed.createdAt ?? scene.since,
      externalId: listed.externalId,
      evidence: [lookEntry([listed], scene, 'found after the database was restored or moved')],
      lookInMs: null,
    },
  };
}

const modes = { published: 'publish', scheduled: 'schedule', drafted: 'draft' } as const;

function statusOf({ isPublished, scheduledAt }: ListedPost): keyof typeof modes {
  if (isPublished) return 'published';
  return scheduledAt === null ? 'drafted' : 'scheduled';
}

function suspend(
  one: UnknownPost,
  scene: DiscoveryContext,
  doubt: Pick<PostFields, 'attention' | 'waiting'>,
  evidence: readonly LookEntry[],
  lookInMs: number | null,
): Discovery {
  const { id, version, status } = one.row;
  const set: PostFields = { ...doubt, nextRunAt: null, leaseMs: null };
  return {
    post: { id, version, from: [status], to: 'unknown', set },
    attempt: {
      ...attemptOf(one, scene),
      state: 'unknown',
      mode: one.suspect.mode,
      sentAt: scene.since,
      externalId: null,
      evidence,
      lookInMs,
    },
  };
}

function attemptOf({ suspect }: UnknownPost, { budgetKey }: DiscoveryContext) {
  const { content, mode, scheduledAt, id } = suspect;
  return {
    content,
    // Of its own: several of equal content can be in doubt at once, and none of them is being sent.
    contentHash: `${contentHash(content, mode, scheduledAt)} ${id}`,
    scheduledAt: mode === 'schedule' ? scheduledAt : null,
    budgetKey,
  };
}

function lookEntry(
  posts: readonly ListedPost[],
  { seenAt }: DiscoveryContext,
  conclusion: string,
): LookEntry {
  return {
    looked_at: seenAt.toISOString(),
    complete: true,
    counts: false,
    candidates: posts.map(({ externalId, url, isPublished }) => ({
      external_id: externalId,
      url,
      is_published: isPublished,
      certain: false,
    })),
    conclusion,
  };
}

function evidenceOf({ externalId, url }: ListedPost, { seenAt }: DiscoveryContext): Evidence {
  return { external_id: externalId, url, seen_at: seenAt.toISOString() };
}

import type { PostContent, PublishMode } from '../providers/content.ts';
import type { ListedPost, Publishing } from '../providers/provider.ts';

/** A post of ours that may be at its network, with nothing there that is known to be it. */
export interface Wanted {
  readonly id: string;
  readonly content: PostContent;
  readonly mode: PublishMode;
  readonly scheduledAt: Date | null;
  /** Tells equal contents apart: nearest first. */
  readonly dueAt: Date;
  /** Media that our rows know to be staged for it. */
  readonly mediaIds: readonly string[];
  /** What our rows know to be hidden for it: once it is shown, it is this one for certain. */
  readonly hiddenId?: string | null;
  /** When it can have been made, by our clock: counts for what is hidden. */
  readonly made: readonly Window[];
  /** And when it can have gone live: counts for what is public. */
  readonly live: readonly Window[];
  /**
   * Whether `made` are the moments of its own calls. Then whatever our app made in them can be it, with whichever text,
   * and what was there before them cannot.
   */
  readonly isOwnCall: boolean;
}

export interface Window {
  readonly from: Date;
  /** Null: it has not ended. */
  readonly until: Date | null;
}

/** What a reader knows beside the listing. */
export interface MatchContext {
  readonly network: Pick<Publishing, 'textKeyOf' | 'skeletonOf' | 'showsLink'>;
  /** The app that our calls are made with; null: not known. */
  readonly appId: string | null;
  /** How far the network's clock is ahead of that of the windows. */
  readonly aheadMs: number;
}

export type Finding =
  /** `certain`: by media that nobody else has. */
  | { readonly kind: 'bound'; readonly listed: ListedPost; readonly certain: boolean }
  /** Several could be it, or one that does not quite fit: a person must look. */
  | { readonly kind: 'ambiguous'; readonly candidates: readonly ListedPost[] }
  /** One may be it, but does not show enough to tell. */
  | { readonly kind: 'unclear'; readonly candidates: readonly ListedPost[] }
  | { readonly kind: 'absent' };

/** Whether a network rounds schedule times is not known. */
const scheduleToleranceMs = 60_000;
const mostEvidence = 10;
const clockMarginMs = 10 * 60_000;

/** Clocks and slow answers: a call can have its effect a little outside of its own moments. */
const beforeCallMs = 2 * 60_000;
const afterCallMs = 5 * 60_000;

/** The lists where a post can show that was sent this way: a person may have published it meanwhile. */
export function listsOf(mode: PublishMode): readonly PublishMode[] {
  return mode === 'publish' ? [mode] : [mode, 'publish'];
}

/** As its calls tell: made in them, and live from then on or, of what was scheduled, from its time on. */
export function wantedByCalls(
  post: Pick<Wanted, 'id' | 'content' | 'mode' | 'scheduledAt' | 'mediaIds'>,
  calls: readonly Window[],
  isOwnCall = true,
): Wanted {
  const made = calls.map(aroundCall);
  const { mode, scheduledAt } = post;
  const due = mode === 'schedule' && scheduledAt !== null ? [aroundDue(scheduledAt)] : [];
  const dueAt = calls[0]?.from ?? new Date(0);
  return { ...post, dueAt, made, live: [...made, ...due], isOwnCall };
}

function aroundDue(at: Date): Window {
  return {
    from: new Date(at.getTime() - clockMarginMs),
    until: new Date(at.getTime() + clockMarginMs),
  };
}

/** When what a call made can have been made, by Meta's clock or ours once they are compared. */
function aroundCall({ from, until }: Window): Window {
  return {
    from: new Date(from.getTime() - beforeCallMs),
    until: until === null ? null : new Date(until.getTime() + afterCallMs),
  };
}

/** As a row plans it, where no attempt is known: it can have gone from its due time on, for as long as it may be late. */
export interface Planned
  extends Pick<Wanted, 'id' | 'content' | 'mode' | 'scheduledAt' | 'mediaIds' | 'hiddenId'> {
  readonly approvedAt: Date;
  readonly lateLimitS: number;
}

export function wantedByPlan({ approvedAt, lateLimitS, ...post }: Planned): Wanted {
  const dueAt = post.scheduledAt ?? approvedAt;
  const lateMs = post.scheduledAt === null ? null : lateLimitS * 1000 + clockMarginMs;
  const due: Window = {
    from: new Date(dueAt.getTime() - clockMarginMs),
    until: lateMs === null ? null : new Date(dueAt.getTime() + lateMs),
  };
  const always: Window = { from: new Date(0), until: null };
  const isDraft = post.mode === 'draft';
  // What is hidden may have been handed over long before.
  return {
    ...post,
    dueAt,
    made: [always],
    live: [isDraft ? always : due],
    isOwnCall: false,
  };
}

/**
 * Which of the posts that an account shows belongs to which of ours, for all of them at once. Equal contents are told
 * apart by their times, and where those fit in several ways by their order; as many as ours are all ours, and one more
 * than ours means that a person must look. Pure.
 */
export function matchPosts(
  wanted: readonly Wanted[],
  listed: readonly ListedPost[],
  scene: MatchContext,
): ReadonlyMap<string, Finding> {
  const hidden = new Set(wanted.map(({ hiddenId }) => hiddenId));
  const open = listed.filter((post) => isShown(post) || !hidden.has(post.externalId));
  const candidatesOf = index(open, scene);
  const edges = new Map<Wanted, Edges>();
  for (const one of wanted.toSorted(byDueTime)) {
    edges.set(one, edgesOf(one, candidatesOf(one), scene));
  }
  return decide(edges, scene);
}

/** Or will be, by the network's scheduler. */
function isShown({ isPublished, scheduledAt }: ListedPost): boolean {
  return isPublished || scheduledAt !== null;
}

function isCertain({ hiddenId, mediaIds: own }: Wanted, { externalId, mediaIds }: ListedPost) {
  return externalId === hiddenId || mediaIds.some((id) => own.includes(id));
}

interface Edges {
  /** Certain, or fitting in everything, nearest in time first. */
  readonly fitting: readonly ListedPost[];
  readonly certain: boolean;
  /** It may be it, but for its text, time, link or state. */
  readonly odd: readonly ListedPost[];
  readonly unclear: readonly ListedPost[];
}

/** What can be one of ours at all; by text alone where nothing else is known of its call. */
function index(
  listed: readonly ListedPost[],
  { network }: MatchContext,
): (one: Wanted) => readonly ListedPost[] {
  const byKey = Map.groupBy(listed, ({ message }) => network.textKeyOf(message));
  const skeletons = Map.groupBy(listed, ({ message }) => network.skeletonOf(message));
  const byMedium = new Map(
    listed.flatMap((post) => post.mediaIds.map((id) => [id, post] as const)),
  );
  const byId = Map.groupBy(listed, ({ externalId }) => externalId);
  return ({ content: { message }, mode, mediaIds, hiddenId, isOwnCall }) => {
    if (isOwnCall) return listed;
    const sent = network.skeletonOf(message);
    const alike = sent.includes('*')
      ? [...skeletons].flatMap(([shown, posts]) => (fitsSkeleton(sent, shown) ? posts : []))
      : (skeletons.get(sent) ?? []);
    const certain = mediaIds.flatMap((id) => byMedium.get(id) ?? []);
    const same = byKey.get(network.textKeyOf(message)) ?? [];
    const known = byId.get(hiddenId ?? '') ?? [];
    const all = [...new Set([...known, ...certain, ...same, ...alike])];
    // What goes out at its time is hidden first: as long as it is, it has not gone out.
    return mode === 'publish' ? all.filter(isShown) : all;
  };
}

function fitsSkeleton(sent: string, shown: string): boolean {
  if (!sent.includes('*')) return sent === shown;
  const parts = sent.split('*');
  const last = parts.pop() ?? '';
  let at = 0;
  for (const [n, part] of parts.entries()) {
    const found = n === 0 && !shown.startsWith(part) ? -1 : shown.indexOf(part, at);
    if (found === -1) return false;
    at = found + part.length;
  }
  return shown.length >= at + last.length && shown.endsWith(last);
}

function edgesOf(one: Wanted, listed: readonly ListedPost[], scene: MatchContext): Edges {
  const certain = listed.filter((post) => isCertain(one, post));
  if (certain.length > 0) return { fitting: certain, certain: true, odd: [], unclear: [] };
  const fits = Map.groupBy(listed, (post) => judgeFit(one, post, scene));
  const distance = (post: ListedPost) => Math.abs(timeOf(post) - one.dueAt.getTime());
  return {
    fitting: (fits.get('same') ?? []).toSorted((a, b) => distance(a) - distance(b)),
    certain: false,
    odd: fits.get('odd') ?? [],
    unclear: fits.get('unclear') ?? [],
  };
}

type Fit = 'same' | 'odd' | 'unclear' | 'none';

function judgeFit(one: Wanted, post: ListedPost, scene: MatchContext): Fit {
  if (isStrangers(post, scene)) return 'none';
  const text = judgeText(one, post, scene);
  const time = judgeTime(one, post, scene);
  const isPlaced = hasState(one, post, scene);
  if (time === 'before' && one.isOwnCall) return 'none';
  if (text === 'other' && !(one.isOwnCall && time === 'within' && isPlaced)) return 'none';
  if (text === 'alike' && !one.isOwnCall && time !== 'within') return 'none';
  const shown = judgeShown(one, post, scene);
  if (shown === 'unclear') return 'unclear';
  const fits = text === 'same' && time === 'within' && isPlaced && shown === 'same';
  return fits ? 'same' : 'odd';
}

/** Another app made it: it is nobody's question. */
function isStrangers({ appId }: ListedPost, scene: MatchContext): boolean {
  return appId !== null && scene.appId !== null && appId !== scene.appId;
}

function isSurelyOurs({ appId }: ListedPost, scene: MatchContext): boolean {
  return appId !== null && appId === scene.appId;
}

/** It shows no app where our own is known: a person may have written the very same words. */
function mayBePersons({ isOwnCall }: Wanted, post: ListedPost, scene: MatchContext): boolean {
  return isOwnCall && scene.appId !== null && !isSurelyOurs(post, scene);
}

function judgeText(
  { content: { message } }: Wanted,
  post: ListedPost,
  { network }: MatchContext,
): 'same' | 'alike' | 'other' {
  if (network.textKeyOf(message) === network.textKeyOf(post.message)) return 'same';
  const isAlike = fitsSkeleton(network.skeletonOf(message), network.skeletonOf(post.message));
  return isAlike ? 'alike' : 'other';
}

function judgeTime(
  { made, live }: Wanted,
  { createdAt, isPublished }: ListedPost,
  { aheadMs }: MatchContext,
): 'before' | 'within' | 'after' | 'untold' {
  if (createdAt === null) return 'untold';
  const at = new Date(createdAt.getTime() - aheadMs);
  const windows = isPublished ? live : made;
  if (windows.some(({ from, until }) => at >= from && (until === null || at <= until))) {
    return 'within';
  }
  return windows.every(({ from }) => at < from) ? 'before' : 'after';
}

/** A draft that a stranger's tool or a person published looks like one that went out by mistake: ours only if told. */
function hasState(one: Wanted, post: ListedPost, scene: MatchContext): boolean {
  const { mode, scheduledAt, isOwnCall } = one;
  if (post.isPublished) {
    if (mode === 'publish' || !isOwnCall || isSurelyOurs(post, scene)) return true;
    return mode === 'schedule' && wasDue(one, post, scene);
  }
  if (post.scheduledAt === null) return mode === 'draft';
  if (mode !== 'schedule' || scheduledAt === null) return false;
  const offMs = post.scheduledAt.getTime() - scheduledAt.getTime();
  return Math.abs(offMs) <= scheduleToleranceMs;
}

function wasDue(
  { scheduledAt }: Wanted,
  { createdAt }: ListedPost,
  { aheadMs }: MatchContext,
): boolean {
  if (scheduledAt === null || createdAt === null) return false;
  return createdAt.getTime() - aheadMs >= scheduledAt.getTime() - clockMarginMs;
}

/** Photos are not counted: albums show a part of theirs. */
function judgeShown(
  { content: { link, media }, mediaIds }: Wanted,
  post: ListedPost,
  { network }: MatchContext,
): 'same' | 'odd' | 'unclear' {
  const hasMedia = media.length > 0;
  const isTold =
    post.mediaState === 'known' || (post.mediaState === 'missing' && !hasMedia && !link);
  if (!isTold) return 'unclear';
  // Which photos it was sent with is known: those are not among them.
  if (hasMedia) return post.mediaIds.length > 0 && mediaIds.length === 0 ? 'same' : 'odd';
  if (post.mediaIds.length > 0) return 'odd';
  return !link || network.showsLink(post, link) ? 'same' : 'odd';
}

function decide(
  edges: ReadonlyMap<Wanted, Edges>,
  scene: MatchContext,
): ReadonlyMap<string, Finding> {
  const owners = assign(edges);
  const taken = new Map([...owners].map(([post, one]) => [one, post] as const));
  const crowded = findCrowded(edges, owners);
  const findings = new Map<string, Finding>();
  for (const [one, { fitting, certain, odd, unclear }] of edges) {
    const listed = taken.get(one);
    const free = (posts: readonly ListedPost[]) => posts.filter((post) => !owners.has(post));
    const isDoubtful = listed !== undefined && !certain && mayBePersons(one, listed, scene);
    if (crowded.has(one) || isDoubtful) findings.set(one.id, some('ambiguous', fitting));
    else if (listed !== undefined) findings.set(one.id, { kind: 'bound', listed, certain });
    else if (free(unclear).length > 0) findings.set(one.id, some('unclear', free(unclear)));
    else if (free(odd).length > 0) findings.set(one.id, some('ambiguous', free(odd)));
    else findings.set(one.id, { kind: 'absent' });
  }
  return findings;
}

function some(kind: 'ambiguous' | 'unclear', candidates: readonly ListedPost[]): Finding {
  return { kind, candidates: candidates.slice(0, mostEvidence) };
}

/** As many pairs as there can be, each listed post to one of ours, the earliest due first. */
function assign(edges: ReadonlyMap<Wanted, Edges>): ReadonlyMap<ListedPost, Wanted> {
  const owners = new Map<ListedPost, Wanted>();
  const place = (one: Wanted, tried: Set<ListedPost>): boolean => {
    const fitting = edges.get(one)?.fitting ?? [];
    const free = fitting.find((post) => !owners.has(post));
    if (free !== undefined) {
      owners.set(free, one);
      return true;
    }
    for (const post of fitting) {
      const owner = owners.get(post);
      if (tried.has(post) || owner === undefined) continue;
      tried.add(post);
      if (!place(owner, tried)) continue;
      owners.set(post, one);
      return true;
    }
    return false;
  };
  for (const one of edges.keys()) place(one, new Set());
  return owners;
}

/** Ours that could be a listed post which nobody got, directly or by what others got: one too many is there. */
function findCrowded(
  edges: ReadonlyMap<Wanted, Edges>,
  owners: ReadonlyMap<ListedPost, Wanted>,
): ReadonlySet<Wanted> {
  const suitors = new Map<ListedPost, Wanted[]>();
  for (const [one, { fitting }] of edges) {
    for (const post of fitting) suitors.set(post, [...(suitors.get(post) ?? []), one]);
  }
  const crowded = new Set<Wanted>();
  const open = [...suitors.keys()].filter((post) => !owners.has(post));
  const seen = new Set(open);
  for (let post = open.pop(); post !== undefined; post = open.pop()) {
    for (const one of suitors.get(post) ?? []) {
      if (crowded.has(one)) continue;
      crowded.add(one);
      const others = (edges.get(one)?.fitting ?? []).filter((other) => !seen.has(other));
      for (const other of others) seen.add(other);
      open.push(...others);
    }
  }
  return crowded;
}

function byDueTime(one: Wanted, other: Wanted): number {
  return one.dueAt.getTime() - other.dueAt.getTime() || (one.id < other.id ? -1 : 1);
}

function timeOf({ scheduledAt, createdAt, isPublished }: ListedPost): number {
  return ((isPublished ? createdAt : scheduledAt) ?? createdAt)?.getTime() ?? 0;
}

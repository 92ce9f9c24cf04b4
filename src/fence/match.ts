import type { PostContent, PublishMode } from '../posts/post.ts';
import type { ListedPost, Publishing } from '../providers/provider.ts';

/** A post that may have been sent without our rows knowing. */
export interface Suspect {
  readonly id: string;
  readonly content: PostContent;
  /** As asked for. */
  readonly mode: PublishMode;
  readonly scheduledAt: Date | null;
  readonly approvedAt: Date;
  readonly lateLimitS: number;
  /** Media that our rows know to be staged for it. */
  readonly mediaIds: readonly string[];
}

/** `bound`: it is this one. `ambiguous`: several could be it, or one that does not quite fit. */
export type Finding =
  | { readonly kind: 'bound'; readonly listed: ListedPost }
  | { readonly kind: 'ambiguous'; readonly candidates: readonly ListedPost[] }
  | { readonly kind: 'absent' };

type Likeness = Pick<Publishing, 'textKeyOf' | 'isAlike'>;

const clockMarginMs = 10 * 60_000;
/** Whether a network rounds schedule times is not known. */
const scheduleToleranceMs = 5 * 60_000;
const mostEvidence = 10;

/**
 * Which of the posts that an account shows belongs to which of ours, for all of them at once. Equal contents are told
 * apart by their times, and where those fit in several ways by their order; as many as ours are all ours, and one more
 * than ours means that a person must look.
 */
export function matchPosts(
  suspects: readonly Suspect[],
  listed: readonly ListedPost[],
  likeness: Likeness,
): ReadonlyMap<string, Finding> {
  const byText = Map.groupBy(listed, ({ textKey }) => textKey);
  const byMedium = new Map(
    listed.flatMap((post) => post.mediaIds.map((id) => [id, post] as const)),
  );
  const edges = new Map<Suspect, Edges>();
  for (const suspect of suspects.toSorted(byDueTime)) {
    const certain = suspect.mediaIds.flatMap((id) => byMedium.get(id) ?? []);
    const same = byText.get(likeness.textKeyOf(suspect.content.message)) ?? [];
    const alike = same.filter((post) => likeness.isAlike(post, suspect.content));
    edges.set(suspect, certain.length > 0 ? certainly(certain) : byTime(suspect, alike));
  }
  return decide(edges);
}

interface Edges {
  /** Content and time fit, nearest in time first. */
  readonly fitting: readonly ListedPost[];
  /** The content fits, the time does not: a person may have moved it. */
  readonly odd: readonly ListedPost[];
}

function certainly(posts: readonly ListedPost[]): Edges {
  return { fitting: [...new Set(posts)], odd: [] };
}

function byTime(suspect: Suspect, alike: readonly ListedPost[]): Edges {
  const distance = (post: ListedPost) => Math.abs(timeOf(post) - dueTimeOf(suspect));
  const fitting = alike.filter((post) => fits(suspect, post));
  return {
    fitting: fitting.toSorted((one, other) => distance(one) - distance(other)),
    odd: alike.filter((post) => !fits(suspect, post)),
  };
}

/** Whether this can have become of it: drafts may have been published by a person, schedules have gone live. */
function fits({ mode, scheduledAt, approvedAt, lateLimitS }: Suspect, post: ListedPost): boolean {
  if (post.scheduledAt !== null && !post.isPublished) {
    if (mode !== 'schedule' || scheduledAt === null) return false;
    return Math.abs(post.scheduledAt.getTime() - scheduledAt.getTime()) <= scheduleToleranceMs;
  }
  // One that was asked for too near to be scheduled becomes a draft.
  if (!post.isPublished) return mode !== 'publish';
  if (mode === 'draft' || post.createdAt === null) return true;
  const dueMs = (scheduledAt ?? approvedAt).getTime();
  const liveMs = post.createdAt.getTime();
  const latestMs = scheduledAt === null ? Infinity : dueMs + lateLimitS * 1000 + clockMarginMs;
  return liveMs >= dueMs - clockMarginMs && liveMs <= latestMs;
}

function decide(edges: ReadonlyMap<Suspect, Edges>): ReadonlyMap<string, Finding> {
  const owners = assign(edges);
  const taken = new Map([...owners].map(([post, suspect]) => [suspect, post] as const));
  const crowded = findCrowded(edges, owners);
  const findings = new Map<string, Finding>();
  for (const [suspect, { fitting, odd }] of edges) {
    const listed = taken.get(suspect);
    const left = odd.filter((post) => !owners.has(post));
    if (crowded.has(suspect)) findings.set(suspect.id, ambiguous(fitting));
    else if (listed !== undefined) findings.set(suspect.id, { kind: 'bound', listed });
    else findings.set(suspect.id, left.length > 0 ? ambiguous(left) : { kind: 'absent' });
  }
  return findings;
}

function ambiguous(candidates: readonly ListedPost[]): Finding {
  return { kind: 'ambiguous', candidates: candidates.slice(0, mostEvidence) };
}

/** As many pairs as there can be, each listed post to one of ours, the earliest due first. */
function assign(edges: ReadonlyMap<Suspect, Edges>): ReadonlyMap<ListedPost, Suspect> {
  const owners = new Map<ListedPost, Suspect>();
  const place = (suspect: Suspect, tried: Set<ListedPost>): boolean => {
    const fitting = edges.get(suspect)?.fitting ?? [];
    const free = fitting.find((post) => !owners.has(post));
    if (free !== undefined) {
      owners.set(free, suspect);
      return true;
    }
    for (const post of fitting) {
      const owner = owners.get(post);
      if (tried.has(post) || owner === undefined) continue;
      tried.add(post);
      if (!place(owner, tried)) continue;
      owners.set(post, suspect);
      return true;
    }
    return false;
  };
  for (const suspect of edges.keys()) place(suspect, new Set());
  return owners;
}

/** Ours that could be a listed post which nobody got, directly or by what others got: one too many is there. */
function findCrowded(
  edges: ReadonlyMap<Suspect, Edges>,
  owners: ReadonlyMap<ListedPost, Suspect>,
): ReadonlySet<Suspect> {
  const suitors = new Map<ListedPost, Suspect[]>();
  for (const [suspect, { fitting }] of edges) {
    for (const post of fitting) suitors.set(post, [...(suitors.get(post) ?? []), suspect]);
  }
  const crowded = new Set<Suspect>();
  const open = [...suitors.keys()].filter((post) => !owners.has(post));
  const seen = new Set(open);
  for (let post = open.pop(); post !== undefined; post = open.pop()) {
    for (const suspect of suitors.get(post) ?? []) {
      if (crowded.has(suspect)) continue;
      crowded.add(suspect);
      const others = (edges.get(suspect)?.fitting ?? []).filter((other) => !seen.has(other));
      for (const other of others) seen.add(other);
      open.push(...others);
    }
  }
  return crowded;
}

function byDueTime(one: Suspect, other: Suspect): number {
  return dueTimeOf(one) - dueTimeOf(other) || (one.id < other.id ? -1 : 1);
}

function dueTimeOf({ scheduledAt, approvedAt }: Suspect): number {
  return (scheduledAt ?? approvedAt).getTime();
}

function timeOf({ scheduledAt, createdAt, isPublished }: ListedPost): number {
  return ((isPublished ? createdAt : scheduledAt) ?? createdAt)?.getTime() ?? 0;
}

import type { EffectKind } from './ledger.ts';
import type { Photo, Post } from './model.ts';
import type { World } from './world.ts';

/** How a post lives: made, gone live by the clock or by hand, deleted; each step is an effect in the ledger. */
export interface Cause {
  readonly by: 'app' | 'person' | 'clock';
  readonly bodyHash: string | null;
  readonly requestId: string | null;
}

export const byPerson: Cause = { by: 'person', bodyHash: null, requestId: null };
const byClock: Cause = { by: 'clock', bodyHash: null, requestId: null };
const photoLifeMs = 24 * 3_600_000;

export function addPost(world: World, post: Post, cause: Cause): void {
  const page = world.pages.get(post.pageId);
  if (page === undefined) return;
  world.posts.set(post.id, post);
  page.all.add(post);
  for (const id of post.photoIds) attach(world, id, post);
  if (post.visibility === 'published') page.live.add(post);
  else page.hidden.add(post);
  recordPost(world, 'post', post, cause, post.createdAt);
  if (post.scheduledAt !== null) world.due.add(post.scheduledAt + post.lateMs, post);
}

function attach(world: World, photoId: string, post: Post): void {
  const photo = world.photos.get(photoId);
  if (photo === undefined) return;
  photo.postId ??= post.id;
  if (post.visibility === 'published') photo.published = true;
}

/** Publishes what is due by now. Called before anyone looks, so that no timer is needed. */
export function settle(world: World): void {
  const now = world.clock.now();
  for (;;) {
    const due = world.due.takeDue(now);
    if (due === undefined) return;
    const post = due.item;
    const stale =
      post.visibility !== 'scheduled' || due.at !== (post.scheduledAt ?? 0) + post.lateMs;
    if (stale) continue;
    if (post.vanishes) end(world, post, 'vanished', byClock, due.at);
    else goLive(world, post, byClock, due.at);
  }
}

export function goLive(world: World, post: Post, cause: Cause, at: number): void {
  const page = world.pages.get(post.pageId);
  if (page === undefined || post.visibility === 'published') return;
  loseStalePhotos(world, post, at);
  post.visibility = 'published';
  post.liveAt = at;
  post.updatedAt = at;
  post.scheduledAt = null;
  page.hidden.dropped();
  page.live.add(post);
  for (const id of post.photoIds) attach(world, id, post);
  recordPost(world, 'publish', post, cause, at);
}

// Photos of a scheduled post live beyond a day only if they were uploaded with `temporary`.
function loseStalePhotos(world: World, post: Post, at: number): void {
  if (post.visibility !== 'scheduled') return;
  const kept = post.photoIds.filter((id) => {
    const photo = world.photos.get(id);
    if (photo === undefined || photo.deleted) return false;
    return photo.temporary || at - photo.createdAt < photoLifeMs;
  });
  post.lostPhotoIds = post.photoIds.filter((id) => !kept.includes(id));
  post.photoIds = kept;
  for (const id of post.lostPhotoIds) {
    const photo = world.photos.get(id);
    if (photo !== undefined) photo.deleted = true;
  }
}

export function end(
  world: World,
  post: Post,
  visibility: 'deleted' | 'vanished',
  cause: Cause,
  at: number,
): void {
  const page = world.pages.get(post.pageId);
  if (page === undefined) return;
  (post.visibility === 'published' ? page.live : page.hidden).dropped();
  page.all.dropped();
  post.visibility = visibility;
  for (const id of post.photoIds) {
    const photo = world.photos.get(id);
    if (photo !== undefined) photo.deleted = true;
  }
  recordPost(world, visibility === 'deleted' ? 'delete' : 'vanish', post, cause, at);
}

/** The photo, unless it was deleted or was left unused for a day: then Meta has thrown it away. */
export function livingPhoto(world: World, id: string): Photo | undefined {
  const photo = world.photos.get(id);
  if (photo === undefined || photo.deleted) return undefined;
  const unused = photo.postId === null && !photo.published;
  if (unused && world.clock.now() - photo.createdAt >= photoLifeMs) return undefined;
  return photo;
}

export function recordPost(
  world: World,
  kind: EffectKind,
  post: Post,
  cause: Cause,
  at: number,
): void {
  world.ledger.add({
    kind,
    id: post.id,
    pageId: post.pageId,
    visibility: post.visibility,
    message: post.message,
    link: post.link,
    photoIds: [...post.photoIds],
    scheduledAt: post.scheduledAt,
    at,
    ...cause,
  });
}

export function recordPhoto(
  world: World,
  kind: 'photo' | 'delete',
  photo: Photo,
  cause: Cause,
): void {
  world.ledger.add({
    kind,
    id: photo.id,
    pageId: photo.pageId,
    visibility: photo.published ? 'published' : 'staged',
    message: photo.caption,
    link: null,
    photoIds: [photo.id],
    scheduledAt: null,
    at: world.clock.now(),
    ...cause,
  });
}

import type { Call } from './call.ts';
import { causeOf, cleanMessage, emptyPost } from './feed.ts';
import { invalidParameter, unsupportedRequest } from './graph-error.ts';
import { end, goLive, recordPost } from './life.ts';
import type { Page, Post } from './model.ts';
import { booleanParam, textParam } from './params.ts';
import { scheduleTime } from './schedule.ts';
import type { World } from './world.ts';

const tooLateMs = 3 * 60_000;

/** POST /{page_post}: text, time, hidden, or published now. All is judged before anything changes. */
export function changePost(world: World, page: Page, post: Post, call: Call): object {
  const now = world.clock.now();
  refuseTooLate(post, now);
  const change = readChange(page, post, call, now);
  if (change.message !== undefined) post.message = change.message;
  if (change.hidden !== undefined) post.hidden = change.hidden;
  if (change.scheduledAt !== undefined) reschedule(world, post, change.scheduledAt);
  post.updatedAt = now;
  const edited = [change.message, change.hidden, change.scheduledAt].some(
    (part) => part !== undefined,
  );
  if (edited) recordPost(world, 'edit', post, causeOf(call), now);
  if (change.publish) goLive(world, post, causeOf(call), now);
  return { success: true };
}

interface Change {
  readonly message: string | null | undefined;
  readonly hidden: boolean | undefined;
  readonly scheduledAt: number | undefined;
  readonly publish: boolean;
}

function readChange(page: Page, post: Post, call: Call, now: number): Change {
  if (call.params.has('attached_media')) {
    throw invalidParameter('attached_media of an existing post cannot be changed in this sandbox');
  }
  const given = textParam(call.params, 'message');
  const message = given === undefined ? undefined : cleanMessage(given);
  if (message === null && post.link === null && post.photoIds.length === 0) throw emptyPost();
  const published = booleanParam(call.params, 'is_published');
  if (published === false && post.visibility === 'published') {
    throw invalidParameter('A published post cannot be unpublished');
  }
  const time = textParam(call.params, 'scheduled_publish_time');
  if (time !== undefined && (post.visibility === 'published' || published === true)) {
    throw invalidParameter('You cannot specify a scheduled publish time on a published post');
  }
  return {
    message,
    hidden: booleanParam(call.params, 'is_hidden'),
    scheduledAt: time === undefined ? undefined : scheduleTime(time, page, now),
    publish: published === true && post.visibility !== 'published',
  };
}

function reschedule(world: World, post: Post, at: number): void {
  post.scheduledAt = at;
  post.visibility = 'scheduled';
  world.due.add(at + post.lateMs, post);
}

/** Meta takes changes of a scheduled post until three minutes before its time. */
function refuseTooLate(post: Post, now: number): void {
  const tooLate =
    post.visibility === 'scheduled' &&
    post.scheduledAt !== null &&
    post.scheduledAt - now < tooLateMs;
  if (tooLate) {
    throw invalidParameter('This post is about to be published and can no longer be changed');
  }
}

export function deletePost(world: World, post: Post, call: Call): object {
  if (post.visibility === 'deleted' || post.visibility === 'vanished') {
    throw unsupportedRequest(call.method, post.id);
  }
  const now = world.clock.now();
  refuseTooLate(post, now);
  end(world, post, 'deleted', causeOf(call), now);
  return { success: true };
}

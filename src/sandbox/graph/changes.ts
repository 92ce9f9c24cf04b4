import { end, goLive, recordPost } from '../world/life.ts';
import type { Page, Post } from '../world/model.ts';
import { weatherOf } from '../world/weather.ts';
import type { World } from '../world/world.ts';
import {
  booleanParam,
  type Call,
  invalidParameter,
  textParam,
  unsupportedRequest,
} from './call.ts';
import { causeOf, emptyPost, keptText, scheduleTime } from './feed.ts';

const tooLateMs = 3 * 60_000;

/** POST /{page_post}: text, time, hidden, or revealed now. All is judged before anything changes. */
export function changePost(world: World, page: Page, post: Post, call: Call): object {
  const now = world.clock.now();
  refuseTooLate(post, now);
  const change = readChange(world, page, post, call);
  if (change.message !== undefined) {
    post.message = change.message;
    post.sent = textParam(call.params, 'message') ?? null;
  }
  if (change.hidden !== undefined) post.hidden = change.hidden;
  if (change.scheduledAt !== undefined) reschedule(world, post, change.scheduledAt);
  const edited = [change.message, change.hidden, change.scheduledAt].some(
    (part) => part !== undefined,
  );
  if (edited) {
    post.updatedAt = now;
    recordPost(world, 'edit', post, causeOf(call), now);
  }
  if (change.publish) goLive(world, post, causeOf(call), now);
  return { success: true };
}

interface Change {
  readonly message: string | null | undefined;
  readonly hidden: boolean | undefined;
  readonly scheduledAt: number | undefined;
  readonly publish: boolean;
}

function readChange(world: World, page: Page, post: Post, call: Call): Change {
  if (call.params.has('attached_media')) {
    throw invalidParameter('attached_media of an existing post cannot be changed in this sandbox');
  }
  const given = textParam(call.params, 'message');
  const message = given === undefined ? undefined : keptText(world, page, given);
  if (message === null && post.link === null && post.photoIds.length === 0) throw emptyPost();
  const published = booleanParam(call.params, 'is_published');
  if (post.visibility === 'published') refuseOnPublic(world, page, published);
  return {
    message,
    hidden: booleanParam(call.params, 'is_hidden'),
    scheduledAt: newTime(world, page, post, call),
    publish: published === true && post.visibility !== 'published',
  };
}

function refuseOnPublic(world: World, page: Page, published: boolean | undefined): void {
  if (published === false) throw invalidParameter('A published post cannot be unpublished');
  if (published === true && weatherOf(world, page).reveal_again === 'refuse') {
    throw invalidParameter('This post is already published');
  }
}

/** The time asked for; undefined where none is, or where this weather ignores it. */
function newTime(world: World, page: Page, post: Post, call: Call): number | undefined {
  const time = textParam(call.params, 'scheduled_publish_time');
  if (time === undefined) return undefined;
  if (post.visibility === 'published' || booleanParam(call.params, 'is_published') === true) {
    throw invalidParameter('You cannot specify a scheduled publish time on a published post');
  }
  const at = scheduleTime(world, page, time);
  if (post.visibility === 'scheduled') return at;
  const { schedule_hidden: answer } = weatherOf(world, page);
  if (answer === 'refuse') throw invalidParameter('An unpublished post cannot be scheduled');
  return answer === 'ignore' ? undefined : at;
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

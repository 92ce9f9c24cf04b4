import type { Fault } from '../world/faults.ts';
import { addPost, type Cause } from '../world/life.ts';
import type { Page, Post } from '../world/model.ts';
import { rewriteText, weatherOf } from '../world/weather.ts';
import { newId, type World } from '../world/world.ts';
import { attachedPhotoIds, checkAttachable } from './attachments.ts';
import {
  bodyHash,
  booleanParam,
  type Call,
  GraphError,
  invalidParameter,
  jsonParam,
  objectValue,
  type Params,
  textParam,
} from './call.ts';
import { checkFrequency } from './usage.ts';

const contentTypes = new Set([
  'ADS_POST',
  'DRAFT',
  'INLINE_CREATED',
  'PUBLISHED',
  'PUBLISH_PENDING',
  'REVIEWABLE_BRANDED_CONTENT',
  'SCHEDULED',
  'SCHEDULED_RECURRING',
]);
const longestMessage = 63_206;

export interface Placement {
  readonly visibility: 'published' | 'draft' | 'dark' | 'scheduled';
  readonly scheduledAt: number | null;
}

/** POST /{page}/feed: judges everything first, then makes the post. */
export function createPost(
  world: World,
  page: Page,
  call: Call,
  appId: string,
  fault: Fault | null,
): Post {
  const { params } = call;
  const sent = textParam(params, 'message') ?? null;
  const message = keptText(world, page, sent);
  const link = linkParam(params);
  const photoIds = attachedPhotoIds(params);
  if (message === null && link === null && photoIds.length === 0) throw emptyPost();
  if (link !== null && photoIds.length > 0) {
    throw invalidParameter('Only one of link and attached_media can be specified');
  }
  checkTags(params);
  const placement = placementOf(world, page, params);
  checkAttachable(world, page, photoIds);
  checkFrequency(world, page, message);
  const post = newPost(world, page, {
    appId,
    sent,
    message,
    link,
    photoIds,
    placement: isShown(world, page, placement, fault) ? publicNow : placement,
    extras: extrasOf(params),
  });
  post.vanishes = fault?.spec.kind === 'vanish';
  post.lateMs = fault?.spec.kind === 'late' ? fault.spec.late_minutes * 60_000 : 0;
  addPost(world, post, causeOf(call));
  return post;
}

const publicNow: Placement = { visibility: 'published', scheduledAt: null };

/** Whether a post is public at once against what was asked. */
function isShown(world: World, page: Page, placement: Placement, fault: Fault | null): boolean {
  if (fault?.spec.kind === 'goes_public') return true;
  return weatherOf(world, page).hidden_shown && placement.scheduledAt === null;
}

export function causeOf(call: Call): Cause {
  return { by: 'app', bodyHash: bodyHash(call), requestId: call.traceId };
}

export interface PostContent {
  readonly appId: string | null;
  readonly sent: string | null;
  readonly message: string | null;
  readonly link: string | null;
  readonly photoIds: readonly string[];
  readonly placement: Placement;
  readonly extras: Readonly<Record<string, unknown>>;
}

export function newPost(world: World, page: Page, content: PostContent): Post {
  const now = world.clock.now();
  const { visibility, scheduledAt } = content.placement;
  return {
    id: `${page.id}_${newId(world)}`,
    pageId: page.id,
    appId: content.appId,
    createdAt: now,
    visibility,
    sent: content.sent,
    message: content.message,
    link: content.link,
    photoIds: [...content.photoIds],
    lostPhotoIds: [],
    scheduledAt,
    updatedAt: now,
    liveAt: visibility === 'published' ? now : null,
    hidden: false,
    vanishes: false,
    lateMs: 0,
    comments: [],
    extras: content.extras,
  };
}

/** Published at once, scheduled, a draft or a dark post: decided by three parameters together. */
export function placementOf(world: World, page: Page, params: Params): Placement {
  const published = booleanParam(params, 'published') ?? true;
  const given = textParam(params, 'scheduled_publish_time');
  const type = textParam(params, 'unpublished_content_type');
  if (type !== undefined && !contentTypes.has(type)) {
    throw invalidParameter(
      `Param unpublished_content_type must be one of {${[...contentTypes].join(', ')}}`,
    );
  }
  const scheduled = given !== undefined && given !== '' && given !== '0';
  if (published && scheduled) {
    throw invalidParameter('You cannot specify a scheduled publish time on a published post');
  }
  if (published) return publicNow;
  if (type === 'DRAFT' && scheduled) {
    throw invalidParameter('A draft cannot have a scheduled publish time');
  }
  if (type === 'DRAFT') return { visibility: 'draft', scheduledAt: null };
  if (scheduled) return { visibility: 'scheduled', scheduledAt: scheduleTime(world, page, given) };
  if (type === 'SCHEDULED') {
    throw invalidParameter('The specified scheduled publish time is invalid');
  }
  return { visibility: 'dark', scheduledAt: null };
}

/**
 * The text as Meta keeps it, null where nothing is left: with plain line ends, without the blanks
 * around it, and as the weather wants it. What Meta really does to a text nobody has seen.
 */
export function keptText(world: World, page: Page, sent: string | null): string | null {
  if (sent === null) return null;
  const rewritten = rewriteText(weatherOf(world, page), sent.split('\r\n').join('\n'), world.pages);
  const text = rewritten.replace(/^[ \t\n]+/, '').replace(/(?<![ \t\n])[ \t\n]+$/, '');
  if (text === '') return null;
  if (text.length > longestMessage && Array.from(text).length > longestMessage) {
    throw invalidParameter(`Param message must be at most ${longestMessage} characters long`);
  }
  return text;
}

function linkParam(params: Params): string | null {
  const given = textParam(params, 'link')?.trim();
  if (given === undefined || given === '') return null;
  const url = URL.canParse(given) ? new URL(given) : null;
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    throw new GraphError('(#1500) The url you supplied is invalid', {
      code: 1500,
      subcode: 1611248,
    });
  }
  if (/(^|\.)facebook\.com$/.test(url.hostname)) {
    throw new GraphError('(#200) Links to facebook.com are not allowed here', {
      code: 200,
      subcode: 1609008,
      status: 403,
    });
  }
  // `.invalid` resolves nowhere by RFC 2606, so Meta's scraper could not read it either.
  if (url.hostname.endsWith('.invalid')) {
    throw new GraphError('(#1609005) The link could not be read', { code: 1609005 });
  }
  return given;
}

function checkTags(params: Params): void {
  const has = (name: string) => (textValue(params.get(name)) ?? '') !== '';
  if (has('tags') && !has('place')) {
    throw invalidParameter('Param tags can only be used together with place');
  }
}

function textValue(value: unknown): string | undefined {
  return value === undefined || value === null ? undefined : JSON.stringify(value);
}

function extrasOf(params: Params): Record<string, unknown> {
  const extras: Record<string, unknown> = {};
  for (const name of ['targeting', 'feed_targeting', 'call_to_action']) {
    if (!params.has(name)) continue;
    const value = objectValue(jsonParam(params, name));
    if (value === undefined) throw invalidParameter(`Param ${name} must be an object`);
    extras[name] = value;
  }
  return extras;
}

export function emptyPost(): GraphError {
  return new GraphError('(#197) The post is empty. Please enter a message to share.', {
    code: 197,
  });
}

const minimumMs = 10 * 60_000;
const dayMs = 86_400_000;
const unitMs: Readonly<Record<string, number>> = {
  second: 1000,
  minute: 60_000,
  hour: 3_600_000,
  day: dayMs,
  week: 7 * dayMs,
};

/** Reads `scheduled_publish_time` (unix seconds, ISO 8601, `+2 weeks`) and holds it to the window. */
export function scheduleTime(world: World, page: Page, given: string): number {
  const now = world.clock.now();
  const days = weatherOf(world, page).window_days ?? page.maxScheduleDays;
  const at = parseTime(given, now);
  if (at === null || at < now + minimumMs || at > now + days * dayMs) {
    throw invalidParameter('The specified scheduled publish time is invalid');
  }
  return at;
}

/** Milliseconds since 1970, to whole seconds as Meta keeps them; null where it is no time. */
export function parseTime(given: string, now: number): number | null {
  const text = given.trim();
  if (/^\d+$/.test(text)) return Number(text) * 1000;
  const relative = /^\+\s*(\d+)\s*(second|minute|hour|day|week)s?$/i.exec(text);
  if (relative !== null) {
    const unit = unitMs[(relative[2] ?? '').toLowerCase()] ?? Number.NaN;
    return wholeSecond(now + Number(relative[1]) * unit);
  }
  if (!/^\d{4}-\d{2}-\d{2}/.test(text)) return null;
  const at = Date.parse(text.replace(/([+-]\d{2})(\d{2})$/, '$1:$2'));
  return Number.isNaN(at) ? null : wholeSecond(at);
}

function wholeSecond(at: number): number {
  return Math.floor(at / 1000) * 1000;
}

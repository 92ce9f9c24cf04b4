import { livingPhoto } from '../world/life.ts';
import type { Page, Photo, Post } from '../world/model.ts';
import { type Weather, weatherOf } from '../world/weather.ts';
import type { World } from '../world/world.ts';
import { GraphError, invalidParameter, objectValue, type Params } from './call.ts';

/** The photo ids of `attached_media` in any of its three encodings, in the order to be shown. */
export function attachedPhotoIds(params: Params): string[] {
  const whole = params.get('attached_media');
  const items = whole === undefined || whole === '' ? indexedItems(params) : listOf(whole);
  return items.map((item, index) => mediaId(item, index));
}

function listOf(value: unknown): unknown[] {
  const parsed = typeof value === 'string' ? parse(value) : value;
  if (Array.isArray(parsed)) return parsed;
  throw invalidParameter('Param attached_media must be an array.');
}

function indexedItems(params: Params): unknown[] {
  const items: { index: number; item: unknown }[] = [];
  for (const [name, item] of params) {
    const match = /^attached_media\[(\d+)\](\[media_fbid\])?$/.exec(name);
    if (match === null) continue;
    items.push({
      index: Number(match[1]),
      item: match[2] === undefined ? item : { media_fbid: item },
    });
  }
  return items.toSorted((a, b) => a.index - b.index).map(({ item }) => item);
}

function mediaId(item: unknown, index: number): string {
  const id = objectValue(typeof item === 'string' ? parse(item) : item)?.['media_fbid'];
  if (typeof id === 'string' && id !== '') return id;
  if (typeof id === 'number') return String(id);
  throw invalidParameter(`Param attached_media[${index}] must have a media_fbid`);
}

function parse(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    return value;
  } catch {
    throw invalidParameter('Param attached_media must be an array.');
  }
}

/** Every photo must be this Page's, unpublished and in no other post; one that is not refuses the whole post. */
export function checkAttachable(world: World, page: Page, photoIds: readonly string[]): void {
  if (new Set(photoIds).size !== photoIds.length) {
    throw invalidParameter('Param attached_media holds the same media_fbid twice');
  }
  for (const id of photoIds) {
    const photo = livingPhoto(world, id);
    if (photo === undefined || photo.pageId !== page.id) {
      throw invalidParameter(`Param attached_media has an invalid media_fbid: ${id}`);
    }
    const isUsed = photo.published || photo.postId !== null;
    if (isUsed && weatherOf(world, page).photo_reuse === 'refuse') throw alreadyPosted();
  }
}

function alreadyPosted(): GraphError {
  return new GraphError('Invalid parameter', {
    code: 100,
    subcode: 1366051,
    transient: false,
    userTitle: 'Already Posted',
    userMessage: 'These photos were already posted.',
  });
}

/** What a post shows below its text: a link's card, one photo, or an album in order. */
export function postAttachments(world: World, post: Post): object | undefined {
  const weather = weatherOf(world, world.pages.get(post.pageId));
  const isEarly = world.clock.now() - post.createdAt < weather.attachments_lag_ms;
  if (isEarly || weather.attachments === 'none') return undefined;
  if (post.photoIds.length > 0) return postPhotos(world, post);
  if (weather.attachments === 'event') return { data: [eventCard(post)] };
  return post.link === null ? undefined : { data: [linkCard(post.link, weather.link_shown)] };
}

function postPhotos(world: World, post: Post): object | undefined {
  const photos = post.photoIds.flatMap((id) => livingPhoto(world, id) ?? []);
  const first = photos[0];
  if (first === undefined) return undefined;
  if (photos.length === 1) return { data: [photoCard(world, first)] };
  const albumUrl = `${world.options.permalinkBase}/media/set/?set=pcb.${post.id.split('_')[1] ?? ''}`;
  return {
    data: [
      {
        media: media(first),
        media_type: 'album',
        subattachments: { data: photos.map((photo) => photoCard(world, photo)) },
        target: { id: post.id.split('_')[1], url: albumUrl },
        title: `Photos from ${world.pages.get(post.pageId)?.name ?? ''}'s post`,
        type: 'album',
        url: albumUrl,
      },
    ],
  };
}

function photoCard(world: World, photo: Photo): object {
  const url = `${world.options.permalinkBase}/photo.php?fbid=${photo.id}`;
  return {
    ...(photo.caption === null ? {} : { description: photo.caption }),
    media: media(photo),
    media_type: 'photo',
    target: { id: photo.id, url },
    type: 'photo',
    url,
  };
}

function media(photo: Photo): object {
  const src = photo.url ?? `/_sandbox/media/${photo.id}`;
  return { image: { height: photo.height, src, width: photo.width } };
}

// Facebook shows its own redirect in `url`; only `unshimmed_url` is the link that was posted.
function linkCard(given: string, shown: Weather['link_shown']): object {
  const link = shown === 'canonical' ? canonical(given) : given;
  const shim = `https://l.facebook.com/l.php?u=${encodeURIComponent(link)}&h=AT0sandbox&s=1`;
  return {
    media_type: 'link',
    target: { url: shim },
    title: new URL(link).hostname,
    type: 'share',
    ...(shown === 'shim' ? {} : { unshimmed_url: link }),
    url: shim,
  };
}

/** The address that a page may say it has (`og:url`), instead of the one that was posted. */
function canonical(link: string): string {
  const url = new URL(link);
  const host = url.host.replace(/^(www|m)\./, '');
  return `https://www.${host}${url.pathname.replace(/\/?$/, '/')}`;
}

// The target of an attachment is not always a photo: here it is an event that the text speaks of.
function eventCard(post: Post): object {
  const id = `9${(post.id.split('_')[1] ?? '').slice(1)}`;
  const url = `https://www.facebook.com/events/${id}/`;
  return { media_type: 'event', target: { id, url }, title: 'An event', type: 'event', url };
}

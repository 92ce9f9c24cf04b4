import { GraphError, invalidParameter } from './graph-error.ts';
import { livingPhoto } from './life.ts';
import type { Page } from './model.ts';
import { objectValue, type Params } from './params.ts';
import { weatherOf } from './weather.ts';
import type { World } from './world.ts';

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

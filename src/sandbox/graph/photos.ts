import { addPost, livingPhoto, recordPhoto, settle } from '../world/life.ts';
import type { Page, Photo } from '../world/model.ts';
import { newId, type World } from '../world/world.ts';
import {
  booleanParam,
  type Call,
  GraphError,
  invalidParameter,
  type Params,
  textParam,
  unsupportedRequest,
} from './call.ts';
import { causeOf, keptText, newPost, type Placement, placementOf } from './feed.ts';
import { fetchMedia } from './media-client.ts';
import { checkFrequency } from './usage.ts';

const maxBytes = 10 * 1024 * 1024;

/** POST /{page}/photos: really fetches the URL (or takes `source`), then stages or posts the photo. */
export async function createPhoto(
  world: World,
  page: Page,
  call: Call,
  appId: string,
): Promise<object> {
  const { params } = call;
  const caption = keptText(world, page, captionOf(params));
  const placement = placementOf(world, page, params);
  const altText = textParam(params, 'alt_text_custom') ?? null;
  const temporary = booleanParam(params, 'temporary') ?? false;
  const { url, bytes, facts } = await imageOf(world, call);
  // Time has passed: what became due meanwhile went live before this photo.
  settle(world);
  if (placement.visibility === 'published') checkFrequency(world, page, caption);
  const photo: Photo = {
    id: newId(world),
    pageId: page.id,
    appId,
    createdAt: world.clock.now(),
    // A photo scheduled by itself needs no `temporary` to live until its time.
    temporary: temporary || placement.scheduledAt !== null,
    url,
    // Bytes are kept only where no URL can show them again.
    bytes: url === null ? bytes : null,
    ...facts,
    caption,
    altText,
    published: placement.visibility === 'published',
    postId: null,
    deleted: false,
  };
  world.photos.set(photo.id, photo);
  recordPhoto(world, 'photo', photo, causeOf(call));
  if (placement.visibility === 'dark') return { id: photo.id };
  const postId = postPhoto(world, page, call, photo, placement);
  return photo.published ? { id: photo.id, post_id: postId } : { id: photo.id };
}

function postPhoto(
  world: World,
  page: Page,
  call: Call,
  photo: Photo,
  placement: Placement,
): string {
  const post = newPost(world, page, {
    appId: photo.appId,
    sent: captionOf(call.params),
    message: photo.caption,
    link: null,
    photoIds: [photo.id],
    placement,
    extras: {},
  });
  addPost(world, post, causeOf(call));
  return post.id;
}

function captionOf(params: Params): string | null {
  return textParam(params, 'caption') ?? textParam(params, 'message') ?? null;
}

interface Image {
  readonly url: string | null;
  readonly bytes: Buffer;
  readonly facts: ImageFacts;
}

async function imageOf(world: World, call: Call): Promise<Image> {
  const file = call.files.get('source');
  if (file !== undefined) {
    return { url: null, bytes: file.bytes, facts: imageFacts(file.bytes) };
  }
  const url = textParam(call.params, 'url');
  if (url === undefined || url === '') throw missingImage();
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) {
    throw invalidParameter('url should represent a valid URL');
  }
  const fetched = await fetchMedia(world.options, url);
  if (!fetched.ok) throw fetched.reason === 'too_large' ? unreadable() : missingImage();
  return { url, bytes: fetched.bytes, facts: imageFacts(fetched.bytes) };
}

function imageFacts(bytes: Buffer): ImageFacts {
  if (bytes.length === 0 || looksLikeText(bytes)) throw missingImage();
  const facts = readImage(bytes);
  if (facts === null || bytes.length > maxBytes) throw unreadable();
  return facts;
}

// A page instead of an image: what a login wall or an error page under 200 looks like.
function looksLikeText(bytes: Buffer): boolean {
  return /^\s*[<{[]/.test(bytes.toString('latin1', 0, 64));
}

function missingImage(): GraphError {
  return new GraphError('(#324) Missing or invalid image file', {
    code: 324,
    subcode: 2069019,
    transient: false,
    userTitle: 'Missing or invalid image file',
    userMessage: 'The image file is missing or invalid. Please try again with a valid image file.',
  });
}

function unreadable(): GraphError {
  return new GraphError('Invalid parameter', {
    code: 100,
    subcode: 1366046,
    transient: false,
    userTitle: "Can't read files",
    userMessage:
      'Your photos could not be uploaded. Photos should be less than 4 MB and saved as JPG, PNG, GIF, TIFF, HEIF or WebP files.',
  });
}

/** DELETE /{photo}: a photo in a post leaves that post. */
export function deletePhoto(world: World, photo: Photo, call: Call): object {
  if (livingPhoto(world, photo.id) === undefined) throw unsupportedRequest(call.method, photo.id);
  photo.deleted = true;
  const post = world.posts.get(photo.postId ?? '');
  if (post !== undefined) post.photoIds = post.photoIds.filter((id) => id !== photo.id);
  recordPhoto(world, 'delete', photo, causeOf(call));
  return { success: true };
}

interface ImageFacts {
  readonly mime: string;
  readonly width: number;
  readonly height: number;
}

/** What the bytes are, judged by themselves and never by a name or header; null if no image Meta takes. */
function readImage(bytes: Buffer): ImageFacts | null {
  if (bytes.length < 26) return null;
  if (bytes.readUInt32BE(0) === 0x89504e47) {
    return { mime: 'image/png', width: bytes.readUInt32BE(16), height: bytes.readUInt32BE(20) };
  }
  const head = bytes.toString('latin1', 0, 6);
  if (head === 'GIF87a' || head === 'GIF89a') {
    return { mime: 'image/gif', width: bytes.readUInt16LE(6), height: bytes.readUInt16LE(8) };
  }
  if (head.startsWith('BM')) {
    const height = Math.abs(bytes.readInt32LE(22));
    return { mime: 'image/bmp', width: bytes.readUInt32LE(18), height };
  }
  if (head.startsWith('II*\0') || head.startsWith('MM\0*')) {
    return { mime: 'image/tiff', width: 0, height: 0 };
  }
  if (bytes.readUInt16BE(0) === 0xffd8) return readJpeg(bytes);
  return null;
}

function readJpeg(bytes: Buffer): ImageFacts | null {
  let offset = 2;
  while (offset + 9 < bytes.length) {
    if (bytes[offset] !== 0xff) return null;
    const marker = bytes[offset + 1] ?? 0;
    const isFrame = marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);
    if (isFrame) {
      return {
        mime: 'image/jpeg',
        height: bytes.readUInt16BE(offset + 5),
        width: bytes.readUInt16BE(offset + 7),
      };
    }
    offset += 2 + bytes.readUInt16BE(offset + 2);
  }
  return null;
}

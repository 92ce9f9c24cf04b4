import { livingPhoto } from './life.ts';
import type { Photo, Post } from './model.ts';
import type { World } from './world.ts';

/** What a post shows below its text: a link's card, one photo, or an album in order. */
export function postAttachments(world: World, post: Post): object | undefined {
  if (post.link !== null) return { data: [linkCard(post.link)] };
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
function linkCard(link: string): object {
  const shim = `https://l.facebook.com/l.php?u=${encodeURIComponent(link)}&h=AT0sandbox&s=1`;
  return {
    media_type: 'link',
    target: { url: shim },
    title: new URL(link).hostname,
    type: 'share',
    unshimmed_url: link,
    url: shim,
  };
}

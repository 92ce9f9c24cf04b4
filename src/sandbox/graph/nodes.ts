import { livingPhoto } from '../world/life.ts';
import type {
  AdAccount,
  App,
  Business,
  InstagramAccount,
  Page,
  Photo,
  Post,
} from '../world/model.ts';
import { shownAt, type World } from '../world/world.ts';
import { postAttachments } from './attachments.ts';
import type { Field, NodeType } from './fields.ts';

export interface PostView {
  readonly world: World;
  readonly post: Post;
}
export interface PhotoView {
  readonly world: World;
  readonly photo: Photo;
}
export interface PageView {
  readonly world: World;
  readonly page: Page;
  /** The token to give for this Page, when the caller may have it. */
  readonly accessToken: string | null;
  readonly tasks: ReadonlySet<string> | null;
  /** The linked Instagram account, when the caller may know of it. */
  readonly instagram: InstagramAccount | null;
}

/** Meta writes dates without a colon in the zone. */
function graphDate(at: number): string {
  return `${new Date(at).toISOString().slice(0, 19)}+0000`;
}

export function permalink(world: World, post: Post): string {
  return `${world.options.permalinkBase}/${post.pageId}/posts/${post.id.split('_')[1] ?? ''}`;
}

function nameOf({ world, post }: PostView): object {
  return { id: post.pageId, name: world.pages.get(post.pageId)?.name ?? '' };
}

/** Fields that Meta has and this sandbox has nothing to say about: asked for, they are left out. */
function silent(...names: string[]): Record<string, () => undefined> {
  return Object.fromEntries(names.map((name) => [name, () => undefined]));
}

function comments({ post }: PostView, field: Field): object {
  const summary = field.args.get('summary') === 'true';
  const data = post.comments
    .slice(0, Number(field.args.get('limit') ?? 25))
    .map(({ id, message, at }) => ({ id, message, created_time: graphDate(at) }));
  return { data, ...(summary ? { summary: { total_count: post.comments.length } } : {}) };
}

/** Reactions: none here, but their empty edges have Meta's shape. */
function emptyEdge(field: Field): object {
  const summary = field.args.get('summary') === 'true';
  return { data: [], ...(summary ? { summary: { total_count: 0 } } : {}) };
}

export const postType: NodeType<PostView> = {
  name: 'PagePost',
  defaults: ['created_time', 'message', 'id'],
  fields: {
    ...silent('story', 'shares', 'to', 'place', 'actions', 'admin_creator', 'backdated_time'),
    ...silent('child_attachments', 'coordinates', 'event', 'icon', 'message_tags', 'story_tags'),
    ...silent(
      'parent_id',
      'privacy',
      'properties',
      'sponsor_tags',
      'via',
      'video_buying_eligibility',
    ),
    id: ({ post }) => post.id,
    created_time: ({ post }) => graphDate(shownAt(post)),
    updated_time: ({ post }) => graphDate(post.updatedAt),
    message: ({ post }) => post.message,
    permalink_url: ({ world, post }) => permalink(world, post),
    is_published: ({ post }) => post.visibility === 'published',
    scheduled_publish_time: ({ post }) =>
      post.scheduledAt === null ? undefined : Math.floor(post.scheduledAt / 1000),
    status_type: ({ post }) =>
      post.photoIds.length > 0
        ? 'added_photos'
        : post.link === null
          ? 'mobile_status_update'
          : 'shared_story',
    full_picture: ({ world, post }) => photoSource(world, post.photoIds[0]),
    attachments: ({ world, post }) => postAttachments(world, post),
    from: (view) => nameOf(view),
    application: ({ world, post }) =>
      post.appId === null
        ? undefined
        : { id: post.appId, name: world.apps.get(post.appId)?.name ?? '' },
    is_hidden: ({ post }) => post.hidden,
    is_expired: () => false,
    is_popular: () => false,
    is_eligible_for_promotion: ({ post }) => post.visibility === 'published',
    promotable_id: ({ post }) => post.id,
    timeline_visibility: ({ post }) =>
      post.visibility === 'published' ? 'normal' : 'no_timeline_unit_or_hidden',
    targeting: ({ post }) => post.extras['targeting'],
    feed_targeting: ({ post }) => post.extras['feed_targeting'],
    call_to_action: ({ post }) => post.extras['call_to_action'],
    comments,
    reactions: (_view, field) => emptyEdge(field),
    likes: (_view, field) => emptyEdge(field),
  },
  children: {
    attachments: {
      name: 'StoryAttachment',
      fields: [
        'description',
        'media',
        'media_type',
        'subattachments',
        'target',
        'title',
        'type',
        'unshimmed_url',
        'url',
      ],
    },
    from: { name: 'Page', fields: ['id', 'name'] },
    application: { name: 'Application', fields: ['id', 'name'] },
    shares: { name: 'Shares', fields: ['count'] },
    comments: { name: 'Comment', fields: ['id', 'message', 'created_time', 'from'] },
    reactions: { name: 'Reaction', fields: ['id', 'name', 'type'] },
    likes: { name: 'Profile', fields: ['id', 'name'] },
  },
  removed: new Set(['link', 'name', 'caption', 'description', 'source', 'type', 'object_id']),
};

export const photoType: NodeType<PhotoView> = {
  name: 'Photo',
  defaults: ['created_time', 'name', 'id'],
  fields: {
    id: ({ photo }) => photo.id,
    created_time: ({ photo }) => graphDate(photo.createdAt),
    updated_time: ({ photo }) => graphDate(photo.createdAt),
    name: ({ photo }) => photo.caption,
    alt_text: ({ photo }) => photo.altText,
    alt_text_custom: ({ photo }) => photo.altText,
    link: ({ world, photo }) => `${world.options.permalinkBase}/photo.php?fbid=${photo.id}`,
    width: ({ photo }) => photo.width,
    height: ({ photo }) => photo.height,
    picture: ({ world, photo }) => photoSource(world, photo.id),
    images: ({ world, photo }) => [
      { height: photo.height, width: photo.width, source: photoSource(world, photo.id) },
    ],
    from: ({ world, photo }) => ({
      id: photo.pageId,
      name: world.pages.get(photo.pageId)?.name ?? '',
    }),
    page_story_id: ({ photo }) => photo.postId,
    post_id: ({ photo }) => photo.postId,
  },
  children: {
    from: { name: 'Page', fields: ['id', 'name'] },
    images: { name: 'PlatformImageSource', fields: ['height', 'width', 'source'] },
  },
};

export const pageType: NodeType<PageView> = {
  name: 'Page',
  defaults: ['name', 'id'],
  fields: {
    ...silent('username', 'about', 'cover', 'emails', 'phone', 'website', 'location', 'business'),
    id: ({ page }) => page.id,
    name: ({ page }) => page.name,
    access_token: ({ accessToken }) => accessToken,
    instagram_business_account: linkedInstagram,
    connected_instagram_account: linkedInstagram,
    category: ({ page }) => page.category,
    category_list: ({ page }) => [{ id: '2208', name: page.category }],
    link: ({ world, page }) => `${world.options.permalinkBase}/${page.id}`,
    picture: ({ world, page }) => ({
      data: {
        height: 50,
        is_silhouette: true,
        url: `${world.options.permalinkBase}/${page.id}/picture`,
        width: 50,
      },
    }),
    fan_count: () => 0,
    followers_count: () => 0,
    is_published: () => true,
    verification_status: () => 'not_verified',
  },
  children: {
    picture: {
      name: 'ProfilePictureSource',
      fields: ['data', 'url', 'height', 'width', 'is_silhouette'],
    },
    category_list: { name: 'PageCategory', fields: ['id', 'name'] },
    instagram_business_account: {
      name: 'IGUser',
      fields: ['id', 'username', 'name', 'profile_picture_url'],
    },
    connected_instagram_account: { name: 'IGUser', fields: ['id', 'username', 'name'] },
  },
};

/** A Page as /me/accounts lists it; asked of a Page itself or of a business, `tasks` fails the whole call. */
export const accountType: NodeType<PageView> = {
  ...pageType,
  fields: {
    ...pageType.fields,
    tasks: ({ tasks }) => (tasks === null ? undefined : [...tasks]),
  },
};

function linkedInstagram({ instagram }: PageView, field: Field): object | undefined {
  if (instagram === null) return undefined;
  const { id, username, name } = instagram;
  return field.children === null ? { id } : { id, username, name };
}

export interface Person {
  /** As the app knows it. */
  readonly id: string;
  readonly name: string;
  readonly clientBusinessId?: string;
}

export const userType: NodeType<Person> = {
  name: 'User',
  defaults: ['name', 'id'],
  fields: {
    id: (user) => user.id,
    name: (user) => user.name,
    client_business_id: (user) => user.clientBusinessId,
  },
};

export const businessType: NodeType<Business> = {
  name: 'Business',
  defaults: ['id', 'name'],
  fields: {
    ...silent('link', 'created_time', 'updated_time', 'profile_picture_uri'),
    id: (business) => business.id,
    name: (business) => business.name,
    verification_status: () => 'not_verified',
  },
};

export const adAccountType: NodeType<AdAccount> = {
  name: 'AdAccount',
  defaults: ['account_id', 'id'],
  fields: {
    ...silent('business', 'owner', 'timezone_id', 'timezone_offset_hours_utc', 'created_time'),
    id: ({ id }) => `act_${id}`,
    account_id: ({ id }) => id,
    name: ({ name }) => name,
    account_status: ({ status }) => status,
    currency: ({ currency }) => currency,
    timezone_name: ({ timezone }) => timezone,
    disable_reason: ({ status }) => (status === 2 ? 1 : 0),
    amount_spent: () => '0',
    balance: () => '0',
  },
};

const instagramFields: NodeType<InstagramAccount>['fields'] = {
  ...silent('profile_picture_url', 'biography', 'website'),
  id: ({ id }) => id,
  username: ({ username }) => username,
  name: ({ name }) => name,
  followers_count: () => 0,
  follows_count: () => 0,
  media_count: () => 0,
};

/** An Instagram account on graph.facebook.com, by the 17841… id. */
export const instagramType: NodeType<InstagramAccount> = {
  name: 'IGUser',
  defaults: ['id'],
  fields: instagramFields,
};

/** The same on graph.instagram.com, where `id` is the app's own and `user_id` the one for paths. */
export function instagramLoginType(scoped: string): NodeType<InstagramAccount> {
  return {
    ...instagramType,
    fields: {
      ...instagramFields,
      id: () => scoped,
      user_id: ({ id }) => id,
      account_type: ({ type }) => type,
    },
  };
}

export function appType(modeField: string | null): NodeType<App> {
  return {
    name: 'Application',
    defaults: ['category', 'link', 'name', 'id'],
    fields: {
      id: (app) => app.id,
      name: (app) => app.name,
      category: () => 'Business and Pages',
      link: (app) => `https://www.facebook.com/games/?app_id=${app.id}`,
      ...(modeField === null ? {} : { [modeField]: (app: App) => app.mode }),
    },
  };
}

/** Where a photo can be seen: its own URL, or the sandbox's copy of uploaded bytes. */
export function photoSource(world: World, id: string | undefined): string | undefined {
  const photo = id === undefined ? undefined : livingPhoto(world, id);
  if (photo === undefined) return undefined;
  return photo.url ?? `/_sandbox/media/${photo.id}`;
}

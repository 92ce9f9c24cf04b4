import type { Rule, RuleBreach, RuleInput } from '../provider.ts';
import { countCodePoints, handoverWindow, problemOfUrl } from './wire.ts';

const mostCodePoints = 63_206;

const textRules: readonly Rule[] = [
  {
    id: 'facebook_post_empty',
    severity: 'error',
    meaning: 'A post on Facebook needs a message, a link or a photo; spaces alone are no message.',
    action: 'Write a message, or give a link or a photo.',
    source: 'Meta answers 197 "the post is empty" (feed reference)',
    check: ({ content }) => {
      const hasText = (content.message ?? '').trim() !== '';
      const hasLink = (content.link ?? '') !== '';
      return hasText || hasLink || content.media.length > 0
        ? []
        : [{ path: 'message', message: 'is empty: a post needs a message, a link or a photo' }];
    },
  },
  {
    id: 'facebook_message_too_long',
    severity: 'error',
    meaning: `A post on Facebook has at most ${mostCodePoints} characters, counted as Unicode does: an emoji is one or a few.`,
    action: 'Shorten the message.',
    source: 'product limit of a Facebook post: 63,206 characters',
    check: ({ content }) => {
      const length = countCodePoints(content.message ?? '');
      if (length <= mostCodePoints) return [];
      return [
        {
          path: 'message',
          message: `has ${length} characters; Facebook takes at most ${mostCodePoints}`,
        },
      ];
    },
  },
  {
    id: 'facebook_text_malformed',
    severity: 'error',
    meaning:
      'A text holds NUL (U+0000) or half of a character (a lone surrogate), which neither JSON nor Facebook can carry.',
    action: 'Remove the character; `path` names the text.',
    source: 'neither JSON nor Facebook can carry them',
    check: (input) =>
      textsOf(input)
        .filter(([, text]) => !text.isWellFormed() || text.includes('\0'))
        .map(([path]) => ({
          path,
          message: 'has a NUL or half of a character (a lone surrogate)',
        })),
  },
];

function textsOf({ content }: RuleInput): readonly (readonly [string, string])[] {
  const { message, link, media } = content;
  const ofMedia = media.flatMap(
    (item, index) =>
      [
        [`media[${index}].url`, item.url],
        [`media[${index}].alt_text`, item.alt_text ?? ''],
      ] as const,
  );
  return [['message', message ?? ''], ['link', link ?? ''], ...ofMedia];
}

const linkRules: readonly Rule[] = [
  {
    id: 'facebook_link_invalid',
    severity: 'error',
    meaning:
      'Facebook reads the page behind the link: a full http or https address without user name and password, of at most 2048 characters.',
    action: 'Give an address that anyone can open.',
    source: 'Facebook reads the page behind the link (feed reference); code 1500 otherwise',
    check: ({ content: { link } }) => {
      const problem = link ? problemOfUrl(link) : null;
      return problem === null ? [] : [{ path: 'link', message: problem }];
    },
  },
  {
    id: 'facebook_link_to_facebook',
    severity: 'error',
    meaning: 'Facebook refuses links to facebook.com in posts of a Page.',
    action: 'Link to a page elsewhere, or leave the link out.',
    source: 'code 200, subcode 1609008',
    check: ({ content: { link } }) => {
      const host = link ? (URL.parse(link)?.hostname ?? '') : '';
      return host === 'facebook.com' || host.endsWith('.facebook.com')
        ? [{ path: 'link', message: 'leads to facebook.com, which Facebook refuses as a link' }]
        : [];
    },
  },
  {
    id: 'facebook_link_with_media',
    severity: 'error',
    meaning: 'A post on Facebook shows a link with its preview, or photos, not both.',
    action:
      'Set `append_link` to true: the link then goes to the end of the text. Or leave the photos out.',
    source: 'a post shows a link or attached media, not both (feed reference)',
    check: ({ content: { link, media } }) =>
      link && media.length > 0
        ? [
            {
              path: 'link',
              message:
                'cannot stand beside photos: a post on Facebook shows one or the other; with append_link the link goes to the end of the text',
            },
          ]
        : [],
  },
  {
    id: 'facebook_link_only_in_message',
    severity: 'warning',
    meaning: 'A web address that stands only in the message gets no preview.',
    action: 'Give it as `link` too if it is to have one.',
    source: 'a URL only inside the message gets no preview card',
    check: ({ content: { link, media, message } }) =>
      !link && media.length === 0 && /https?:\/\/\S/i.test(message ?? '')
        ? [
            {
              path: 'message',
              message: 'holds a web address that gets no preview: give it as `link` for one',
            },
          ]
        : [],
  },
];

const mostPhotos = 10;
const longestAltText = 1000;
/** jpeg, bmp, png, gif, tiff (photos reference). */
const imageExtensions = new Set(['jpg', 'jpeg', 'jpe', 'jfif', 'bmp', 'png', 'gif', 'tif', 'tiff']);
/** What is surely something else. An unknown ending proves nothing: the type comes from the server. */
const otherExtensions = new Set(
  'webp heic heif avif svg jxl psd ai eps pdf ico raw cr2 nef mp4 mov m4v avi mkv webm mp3 wav zip html htm txt json doc docx'.split(
    ' ',
  ),
);

const mediaRules: readonly Rule[] = [
  {
    id: 'facebook_too_many_photos',
    severity: 'error',
    meaning: `A post on Facebook takes at most ${mostPhotos} photos.`,
    action: `Leave out photos until there are ${mostPhotos}, or make two posts.`,
    source: 'ten attached photos; more are reported flaky',
    check: ({ content: { media } }) =>
      media.length > mostPhotos
        ? [
            {
              path: 'media',
              message: `has ${media.length} items; a post on Facebook takes at most ${mostPhotos}`,
            },
          ]
        : [],
  },
  {
    id: 'facebook_video_unsupported',
    severity: 'error',
    meaning: 'Videos cannot be published to Facebook yet; photos can.',
    action: 'Use a photo, or publish the video on Facebook yourself.',
    source: 'only photos can be attached to a feed post (posts guide); videos are not built yet',
    check: (input) =>
      eachMedium(
        input,
        ({ type }) =>
          type === 'video' ? 'is a video; only photos can be published to Facebook yet' : null,
        'type',
      ),
  },
  {
    id: 'facebook_media_url_invalid',
    severity: 'error',
    meaning:
      'Facebook fetches a photo from its address, without logging in: a full http or https address without user name and password, of at most 2048 characters.',
    action: 'Give an address that anyone can open.',
    source: 'Facebook fetches the address without logging in (photos reference)',
    check: (input) => eachMedium(input, ({ url }) => problemOfUrl(url), 'url'),
  },
  {
    id: 'facebook_image_type',
    severity: 'error',
    meaning:
      'The ending of the address names a type of file that Facebook does not take as a photo. It takes JPEG, PNG, GIF, BMP and TIFF.',
    action: 'Convert the picture, to JPEG or PNG for example, and give its new address.',
    source: 'jpeg, bmp, png, gif, tiff (photos reference)',
    check: (input) =>
      eachMedium(
        input,
        ({ type, url }) => (type === 'image' ? problemOfExtension(url) : null),
        'url',
      ),
  },
  {
    id: 'facebook_alt_text_too_long',
    severity: 'error',
    meaning: `An alt text has at most ${longestAltText} characters.`,
    action: 'Shorten the alt text.',
    source: 'none documented for Pages; 1,000 is what Meta documents for Instagram',
    check: (input) =>
      eachMedium(
        input,
        ({ alt_text: text }) =>
          countCodePoints(text ?? '') > longestAltText
            ? `is longer than ${longestAltText} characters`
            : null,
        'alt_text',
      ),
  },
  {
    id: 'facebook_media_url_unencrypted',
    severity: 'warning',
    meaning: 'The photo is fetched over http, where anyone on the way can exchange it.',
    action: 'Use https where the server offers it.',
    source: 'anybody on the way can swap the image',
    check: (input) =>
      eachMedium(
        input,
        ({ url }) =>
          URL.parse(url)?.protocol === 'http:'
            ? 'is not encrypted (http): use https where you can'
            : null,
        'url',
      ),
  },
];

type Medium = RuleInput['content']['media'][number];

function eachMedium(
  { content }: RuleInput,
  problemOf: (item: Medium) => string | null,
  field: keyof Medium,
): RuleBreach[] {
  return content.media.flatMap((item, index) => {
    const message = problemOf(item);
    return message === null ? [] : [{ path: `media[${index}].${field}`, message }];
  });
}

function problemOfExtension(text: string): string | null {
  const extension = /\.([a-z0-9]{2,5})$/i.exec(URL.parse(text)?.pathname ?? '')?.[1]?.toLowerCase();
  if (extension === undefined || imageExtensions.has(extension)) return null;
  if (!otherExtensions.has(extension)) return null;
  return `ends in .${extension}; Facebook takes jpeg, png, gif, bmp and tiff`;
}

const { minAheadMs, maxAheadMs } = handoverWindow;

const timeRules: readonly Rule[] = [
  {
    id: 'facebook_schedule_far',
    severity: 'warning',
    meaning:
      "Facebook's own scheduler takes posts for at most 75 days ahead. The post is held here until it is near enough, and handed over then.",
    action: 'Nothing, if that is fine.',
    source: 'scheduled_publish_time at most 75 days ahead (feed reference)',
    check: (input) =>
      input.mode === 'schedule' && aheadMs(input) > maxAheadMs
        ? [
            {
              path: 'scheduled_at',
              message: 'is more than 75 days ahead: held here until Facebook takes it',
            },
          ]
        : [],
  },
  {
    id: 'facebook_schedule_near',
    severity: 'warning',
    meaning:
      "Facebook's own scheduler takes posts from 10 minutes ahead. This one is due sooner: with the tenant's `auto_publish` it is published from here at its time, without it it becomes a draft on the Page, which a person must publish.",
    action: 'Give it a later time if it is to be scheduled on Facebook.',
    source: 'scheduled_publish_time at least 10 minutes ahead (feed reference)',
    check: (input) => {
      const isNear = aheadMs(input) >= 0 && aheadMs(input) < minAheadMs;
      if (input.mode !== 'schedule' || !isNear) return [];
      const then = input.autoPublish
        ? 'it is published from here at its time'
        : 'it becomes a draft, which a person must publish';
      return [{ path: 'scheduled_at', message: `is less than 10 minutes ahead: ${then}` }];
    },
  },
  {
    id: 'facebook_time_past',
    severity: 'warning',
    meaning:
      "The due time is in the past. Once approved, the post goes out at once, or is `missed` if it is later than the tenant's `late_limit_s`.",
    action: 'Give it a new time, or none.',
    source: 'a time in the past is judged by the tenant’s late_limit_s',
    check: (input) =>
      input.mode !== 'draft' && aheadMs(input) < 0
        ? [
            {
              path: 'scheduled_at',
              message:
                'is in the past: it goes out at once, or counts as missed beyond the late limit',
            },
          ]
        : [],
  },
];

/** Without a time nothing is near, far or past. */
function aheadMs({ scheduledAt, now }: RuleInput): number {
  return scheduledAt === null ? Number.NaN : scheduledAt.getTime() - now.getTime();
}

/** Facebook's pre-flight rules. What holds for every provider (mode, time, opt-in) is in posts/rules.ts. */
export const rules: readonly Rule[] = [...textRules, ...linkRules, ...mediaRules, ...timeRules];

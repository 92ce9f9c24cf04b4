import type { Rule, RuleBreach, RuleInput } from '../provider.ts';
import { countCodePoints } from './code-points.ts';
import { problemOfUrl } from './url.ts';

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

export const mediaRules: readonly Rule[] = [
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

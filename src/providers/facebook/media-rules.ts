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
    source: 'ten attached photos; more are reported flaky',
    check: ({ content: { media } }) =>
      media.length > mostPhotos
        ? [{ path: 'media', message: `has ${media.length} items; a post takes ${mostPhotos}` }]
        : [],
  },
  {
    id: 'facebook_video_unsupported',
    severity: 'error',
    source: 'only photos can be attached to a feed post (posts guide); videos are not built yet',
    check: (input) =>
      eachMedium(
        input,
        ({ type }) => (type === 'video' ? 'videos are not supported yet' : null),
        'type',
      ),
  },
  {
    id: 'facebook_media_url_invalid',
    severity: 'error',
    source: 'Facebook fetches the address without logging in (photos reference)',
    check: (input) => eachMedium(input, ({ url }) => problemOfUrl(url), 'url'),
  },
  {
    id: 'facebook_image_type',
    severity: 'error',
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
    source: 'anybody on the way can swap the image',
    check: (input) =>
      eachMedium(
        input,
        ({ url }) =>
          URL.parse(url)?.protocol === 'http:' ? 'is http; use https where you can' : null,
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

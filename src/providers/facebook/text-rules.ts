import type { Rule, RuleInput } from '../provider.ts';

import { countCodePoints } from './code-points.ts';

const mostCodePoints = 63_206;

export const textRules: readonly Rule[] = [
  {
    id: 'facebook_post_empty',
    severity: 'error',
    source: 'Meta answers 197 "the post is empty" (feed reference)',
    check: ({ content }) => {
      const hasText = (content.message ?? '').trim() !== '';
      const hasLink = (content.link ?? '') !== '';
      return hasText || hasLink || content.media.length > 0
        ? []
        : [{ path: 'message', message: 'a post needs a message, a link or a photo' }];
    },
  },
  {
    id: 'facebook_message_too_long',
    severity: 'error',
    source: 'product limit of a Facebook post: 63,206 characters',
    check: ({ content }) => {
      const length = countCodePoints(content.message ?? '');
      if (length <= mostCodePoints) return [];
      return [
        { path: 'message', message: `has ${length} characters; Facebook takes ${mostCodePoints}` },
      ];
    },
  },
  {
    id: 'facebook_text_malformed',
    severity: 'error',
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

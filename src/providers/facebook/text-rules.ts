import type { Rule, RuleInput } from '../provider.ts';

import { countCodePoints } from './code-points.ts';

const mostCodePoints = 63_206;

export const textRules: readonly Rule[] = [
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

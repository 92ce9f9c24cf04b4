import type { Rule } from '../provider.ts';
import { problemOfUrl } from './url.ts';

export const linkRules: readonly Rule[] = [
  {
    id: 'facebook_link_invalid',
    severity: 'error',
    source: 'Facebook reads the page behind the link (feed reference); code 1500 otherwise',
    check: ({ content: { link } }) => {
      const problem = link ? problemOfUrl(link) : null;
      return problem === null ? [] : [{ path: 'link', message: problem }];
    },
  },
  {
    id: 'facebook_link_to_facebook',
    severity: 'error',
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
    source: 'a post shows a link or attached media, not both (feed reference)',
    check: ({ content: { link, media } }) =>
      link && media.length > 0
        ? [
            {
              path: 'link',
              message:
                'a post shows a link or media, not both: with append_link the link goes to the end of the text',
            },
          ]
        : [],
  },
  {
    id: 'facebook_link_only_in_message',
    severity: 'warning',
    source: 'a URL only inside the message gets no preview card',
    check: ({ content: { link, media, message } }) =>
      !link && media.length === 0 && /https?:\/\/\S/i.test(message ?? '')
        ? [
            {
              path: 'message',
              message: 'holds a URL that gets no preview; give it as link for one',
            },
          ]
        : [],
  },
];

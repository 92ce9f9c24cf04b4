import type { Rule } from '../provider.ts';
import { problemOfUrl } from './url.ts';

export const linkRules: readonly Rule[] = [
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

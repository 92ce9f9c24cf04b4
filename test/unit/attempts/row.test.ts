import { expect, test } from 'vitest';
import { readContent, textOf } from '../../../src/attempts/row.ts';

const link = 'https://example.com/plum-cake';

test.each([
  ['a text', 'Plum cake today', `Plum cake today\n\n${link}`],
  ['a text that ends in empty lines', 'Plum cake today\r\n\r\n', `Plum cake today\n\n${link}`],
  ['a text that holds it already', `See ${link} today`, `See ${link} today`],
  ['no text', null, link],
  ['an empty text', ' ', link],
])('with append_link, %s ends with the link', (_name, message, expected) => {
  expect(textOf({ message, link, appendLink: true })).toBe(expected);
});

test('without append_link, or without a link, the text is as it is', () => {
  expect(textOf({ message: 'Plum cake ', link, appendLink: false })).toBe('Plum cake ');
  for (const none of [null, '']) {
    expect(textOf({ message: 'Plum cake ', link: none, appendLink: true })).toBe('Plum cake ');
  }
});

test('a link that is in the text is no link of its own, so photos may stand beside it', () => {
  const media = [{ type: 'image', url: 'https://example.com/a.jpg' }];
  const row = { message: 'Plum cake', link, media };
  expect(readContent({ ...row, appendLink: true }).content).toEqual({
    message: `Plum cake\n\n${link}`,
    link: null,
    media,
  });
  expect(readContent({ ...row, appendLink: false }).content).toEqual(row);
});

import { expect, test } from 'vitest';
import { png, useMedia, useSandbox } from './sandbox-client.ts';

const { aPage } = useSandbox();
const media = useMedia({ '/a.png': { body: png } });

test('a photo on loopback is refused unless it is allowed', async () => {
  const page = await aPage();
  for (const url of [media.url('/a.png'), media.url('/a.png').replace('127.0.0.1', 'localhost')]) {
    const answer = await page.post(`${page.id}/photos`, { url, published: false });
    expect(answer.body.error).toMatchObject({ code: 324, error_subcode: 2069019 });
  }
  expect(media.agents).toEqual([]);
});

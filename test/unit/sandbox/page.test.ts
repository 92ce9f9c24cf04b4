import { expect, test } from 'vitest';
import { useSandbox } from './sandbox-client.ts';

const { send, aPage, inSeconds } = useSandbox();

test('the root shows feed, scheduled posts and drafts of every Page, escaped', async () => {
  const page = await aPage({ name: 'Bread & <b>Butter</b>' });
  await page.post(`${page.id}/feed`, {
    message: '<script>alert(1)</script>',
    link: 'https://example.org/?a="b"',
  });
  await page.post(`${page.id}/feed`, {
    message: 'Soon',
    published: false,
    scheduled_publish_time: await inSeconds(3600),
  });
  await page.post(`${page.id}/feed`, {
    message: 'Idea',
    published: false,
    unpublished_content_type: 'DRAFT',
  });
  const { text } = await send('GET', '/');
  expect(text).toContain('Bread &#38; &#60;b&#62;Butter');
  expect(text).not.toContain('<script>');
  expect(text).toContain('Goes live in 60 minutes');
  expect(text).toMatch(/class="draft"[\s\S]*Idea/);
});

test('an empty sandbox says how to make a Page', async () => {
  expect((await send('GET', '/')).text).toContain('/_sandbox/pages');
});

test('a permalink opened in a browser leads to the post on the root page', async () => {
  const answer = await send('GET', '/1/posts/2', {
    headers: { accept: 'text/html' },
    redirect: 'manual',
  });
  expect([answer.status, answer.headers.get('location')]).toEqual([302, '/#1_2']);
});

import { expect, test } from 'vitest';
import { useSandbox } from './sandbox-client.ts';

const { send, control, aPage, inSeconds } = useSandbox();

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

test('each post has an address of its own, where its permalink leads a browser', async () => {
  const accept = { headers: { accept: 'text/html' } };
  const answer = await send('GET', '/1/posts/2', { ...accept, redirect: 'manual' });
  expect([answer.status, answer.headers.get('location')]).toEqual([302, '/1_2']);
  const page = await aPage({ name: 'Bread & Butter' });
  const { body } = await page.post(`${page.id}/feed`, { message: 'Still warm' });
  const { id } = body;
  const shown = await send('GET', `/${id}`, accept);
  expect(shown.status).toBe(200);
  expect(shown.text).toContain(`content="10; url=/${id}"`);
  expect(shown.text).toMatch(/Bread &#38; Butter[\s\S]*Still warm/);
  expect((await send('GET', '/', accept)).text).toContain(`<a href="/${id}">`);
  await page.delete(id);
  const gone = await send('GET', `/${id}`, accept);
  expect([gone.status, gone.text]).toEqual([404, expect.stringContaining('it was deleted')]);
  expect((await send('GET', '/1_2', accept)).status).toBe(404);
});

test('a program that asks for the same address gets an answer of the Graph API', async () => {
  const page = await aPage({ name: 'Page' });
  const { body } = await page.post(`${page.id}/feed`, { message: 'Still warm' });
  const { id } = body;
  expect((await page.get(id)).body).toMatchObject({ id });
  expect((await send('GET', `/${id}`)).body.error.code).toBe(104);
});

test('the root lists apps, people and tokens, and shows no secret of theirs', async () => {
  await control('POST', 'apps', { id: '77', secret: 'sesame', name: 'My <app>' });
  const page = await aPage({ app_id: '77' });
  const { text } = await send('GET', '/');
  expect(text).toContain('<td>My &#60;app&#62;</td><td>77</td>');
  expect(text).toContain(`<td>page</td><td>77</td><td>${page.userId}</td><td>${page.id}</td>`);
  expect(text).not.toContain('sesame');
  expect(text).not.toContain(page.token);
});

test('the pages refresh by themselves, and the browser may ask for an icon', async () => {
  expect((await send('GET', '/')).text).toContain(
    '<meta http-equiv="refresh" content="10; url=/">',
  );
  expect((await send('GET', '/favicon.ico')).status).toBe(204);
});
